#include "edge/trade/csv.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "core/base/text.h"

namespace holdfast::trade {

int CsvReader::peek() {
  if (at_ == filled_) {
    if (ended_) return end;
    auto got = source_->read(buffer_);
    if (!got) {
      error_ = std::move(got).error();
      ended_ = true;
      return failed;
    }
    at_ = 0;
    filled_ = *got;
    if (filled_ == 0) {
      ended_ = true;
      return end;
    }
  }
  return static_cast<unsigned char>(buffer_[at_]);
}

void CsvReader::skip_byte_order_mark() {
  for (const int mark : {0xef, 0xbb, 0xbf}) {
    if (peek() != mark) return;  // a half mark is not UTF-8 either, and the first record says so
    skip();
  }
}

Result<std::optional<CsvRecord>> CsvReader::next() {
  if (!started_) skip_byte_order_mark();
  started_ = true;
  for (;;) {
    const int c = peek();
    if (c < 0) break;
    if (c == '\n' || c == '\r') {
      skip();
      line_ += c == '\n' ? 1 : 0;
      continue;
    }
    CsvRecord record;
    record.line = line_;
    raw_.clear();
    read_record(record);
    if (error_) break;
    if (record.trouble.empty() && !is_utf8(raw_)) spoil(record, "The row is not UTF-8: save the file as UTF-8.");
    return std::optional<CsvRecord>(std::move(record));
  }
  if (error_) return pass_on(*error_);
  return std::optional<CsvRecord>();
}

void CsvReader::read_record(CsvRecord& record) {
  for (;;) {
    read_field(record);
    if (error_) return;
    if (!record.trouble.empty()) return to_next_line();
    if (at_line_end()) return;
    if (record.fields.size() == csv_fields_max) {
      spoil(record, fmt::format("The row has more than {} fields.", csv_fields_max));
      return to_next_line();
    }
    raw_ += ',';
    skip();  // the comma, which read_field left
  }
}

void CsvReader::read_field(CsvRecord& record) {
  if (peek() == '"') return read_quoted(record);
  std::string field;
  for (;;) {
    const int c = peek();
    if (c < 0 || c == ',' || c == '\n' || c == '\r') break;
    if (c == '"')
      return spoil(record,
                   "A quote stands inside a field that does not begin with one: double it and quote the field.");
    if (c == 0) return spoil(record, "The row holds a NUL byte.");
    if (raw_.size() >= csv_record_bytes_max) return spoil(record, "The row is longer than 1 MiB.");
    field += static_cast<char>(c);
    raw_ += static_cast<char>(c);
    skip();
  }
  record.fields.push_back(std::move(field));
}

void CsvReader::read_quoted(CsvRecord& record) {
  std::string field;
  raw_ += '"';
  skip();
  for (;;) {
    const int c = peek();
    if (c == failed) return;
    if (c == end)
      return spoil(record, fmt::format("A quote that opens in the row of line {} is never closed.", record.line));
    if (c == 0) return spoil(record, "The row holds a NUL byte.");
    if (raw_.size() >= csv_record_bytes_max)
      return spoil(record, "The row is longer than 1 MiB; is a quote never closed?");
    raw_ += static_cast<char>(c);
    skip();
    if (c == '\n') ++line_;
    if (c != '"') {
      field += static_cast<char>(c);
      continue;
    }
    const int after = peek();
    if (after == '"') {
      field += '"';
      raw_ += '"';
      skip();
      continue;
    }
    if (after >= 0 && after != ',' && after != '\n' && after != '\r') {
      return spoil(record, "Text follows a closing quote: double the quotes inside a field.");
    }
    record.fields.push_back(std::move(field));
    return;
  }
}

bool CsvReader::at_line_end() {
  int c = peek();
  if (c == '\r') {
    skip();
    c = peek();
    if (c != '\n') return true;  // a lone CR ends a line too: old spreadsheets write it
  }
  if (c == '\n') {
    skip();
    ++line_;
    return true;
  }
  return c < 0;
}

void CsvReader::to_next_line() {
  for (int c = peek(); c >= 0; c = peek()) {
    skip();
    if (c == '\n') {
      ++line_;
      return;
    }
  }
}

void CsvReader::spoil(CsvRecord& record, std::string why) {
  record.trouble = std::move(why);
  record.fields = {raw_};
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    const std::string& field = fields[i];
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) {
      if (c == '"') line += '"';
      line += c;
    }
    line += '"';
  }
  return line + "\n";
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view first_bytes(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

Result<RefusedFile> RefusedFile::create(const std::string& path, const std::vector<std::string>& header) {
  RefusedFile refused;
  refused.path_ = path;
  refused.header_ = {"line", "reason"};
  refused.header_.insert(refused.header_.end(), header.begin(), header.end());
  // Found out now, not after an hour of import: can it be written at all?
  refused.file_.reset(std::fopen(path.c_str(), "wbe"));
  if (!refused.file_) {
    return fail("trade/no_file",
                fmt::format("The file for refused rows, {}, cannot be written: {}.", path, std::strerror(errno)));
  }
  return refused;
}

Status RefusedFile::add(std::uint64_t line, std::string_view reason, const std::vector<std::string>& fields) {
  std::string text = rows_ == 0 ? csv_line(header_) : "";
  ++rows_;
  std::vector<std::string> row = {std::to_string(line), std::string(reason)};
  row.insert(row.end(), fields.begin(), fields.end());
  text += csv_line(row);
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
    return fail("trade/no_file", fmt::format("{} cannot be written: {}.", path_, std::strerror(errno)));
  }
  return {};
}

Status RefusedFile::close() {
  if (!file_) return {};
  const bool written = std::fclose(file_.release()) == 0;
  if (rows_ == 0) std::remove(path_.c_str());
  if (!written) return fail("trade/no_file", fmt::format("{} cannot be written: {}.", path_, std::strerror(errno)));
  return {};
}

}  // namespace holdfast::trade
