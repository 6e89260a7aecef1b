#include "edge/trade/csv.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/text.h"

namespace holdfast::trade {

int CsvReader::peek() {
  if (is_reading_again()) return static_cast<unsigned char>(again_[again_at_]);
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
  constexpr std::string_view mark = "\xef\xbb\xbf";
  while (filled_ < mark.size() && !ended_) {  // the whole mark, or nothing: other letters begin with the same bytes
    const auto got = source_->read({buffer_.data() + filled_, buffer_.size() - filled_});
    if (!got) error_ = got.error();
    const std::size_t bytes = got.value_or(0);
    filled_ += bytes;
    ended_ = bytes == 0;
  }
  if (std::string_view(buffer_.data(), filled_).starts_with(mark)) at_ = mark.size();
}

Result<std::optional<CsvRecord>> CsvReader::next() {
  CsvRecord record;
  HF_TRY(const bool is_there, next(record));
  if (!is_there) return std::optional<CsvRecord>();
  return std::optional<CsvRecord>(std::move(record));
}

Result<bool> CsvReader::next(CsvRecord& record) {
  if (!started_) skip_byte_order_mark();
  started_ = true;
  if (error_) return pass_on(*error_);
  for (;;) {
    const int c = peek();
    if (c < 0) break;
    if (c == '\n' || c == '\r') {
      at_line_end();
      continue;
    }
    record.line = line_;
    record.trouble.clear();
    fields_ = 0;
    if (read_plain_line(record)) {
      record.fields.resize(fields_);
      return true;
    }
    raw_.clear();
    line_was_ended_ = false;
    read_record(record);
    if (error_) break;
    record.fields.resize(fields_);
    if (record.trouble.empty() && !is_utf8(raw_)) spoil(record, "The row is not UTF-8: save the file as UTF-8.");
    return true;
  }
  if (error_) return pass_on(*error_);
  return false;
}

std::string& CsvReader::new_field(CsvRecord& record) {
  if (record.fields.size() == fields_) record.fields.emplace_back();
  std::string& field = record.fields[fields_++];
  field.clear();
  return field;
}

bool CsvReader::read_plain_line(CsvRecord& record) {
  if (is_reading_again()) return false;
  const auto find_end = [&] {
    return static_cast<const char*>(std::memchr(buffer_.data() + at_, '\n', filled_ - at_));
  };
  const char* end_of_line = find_end();
  if (end_of_line == nullptr && !ended_ && at_ > 0) {  // the rest moves to the front, and more is read behind it
    std::memmove(buffer_.data(), buffer_.data() + at_, filled_ - at_);
    filled_ -= at_;
    at_ = 0;
    while (end_of_line == nullptr && filled_ < buffer_.size()) {
      auto got = source_->read({buffer_.data() + filled_, buffer_.size() - filled_});
      const std::size_t bytes = got.value_or(0);
      if (!got) error_ = std::move(got).error();
      if (bytes == 0) {  // the long way takes what is left
        ended_ = true;
        return false;
      }
      filled_ += bytes;
      end_of_line = find_end();
    }
  }
  if (end_of_line == nullptr) return false;
  const char* from = buffer_.data() + at_;
  std::string_view line(from, static_cast<std::size_t>(end_of_line - from));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find_first_of(std::string_view("\"\r\0", 3)) != std::string_view::npos || !is_utf8(line)) return false;
  while (fields_ < csv_fields_max) {
    const std::size_t stop = line.find(separator_);
    new_field(record).assign(line.substr(0, stop));
    if (stop == std::string_view::npos) {
      at_ += static_cast<std::size_t>(end_of_line - from) + 1;
      ++line_;
      line_was_ended_ = true;
      return true;
    }
    line.remove_prefix(stop + 1);
  }
  fields_ = 0;
  return false;
}

void CsvReader::read_record(CsvRecord& record) {
  for (;;) {
    read_field(record);
    if (error_) return;
    if (!record.trouble.empty()) return to_next_line(record);
    if (at_line_end()) return;
    if (fields_ == csv_fields_max) {
      spoil(record, fmt::format("The row has more than {} fields.", csv_fields_max));
      return to_next_line(record);
    }
    raw_ += separator_;
    skip();  // the separator, which read_field left
  }
}

void CsvReader::read_field(CsvRecord& record) {
  if (peek() == '"') return read_quoted(record);
  std::string& field = new_field(record);
  for (;;) {
    const int c = peek();
    if (c < 0 || c == static_cast<unsigned char>(separator_) || c == '\n' || c == '\r') break;
    if (c == '"')
      return spoil(record,
                   "A quote stands inside a field that does not begin with one: double it and quote the field.");
    if (c == 0) return spoil(record, "The row holds a NUL byte.");
    if (raw_.size() >= csv_record_bytes_max) return spoil(record, "The row is longer than 1 MiB.");
    field += static_cast<char>(c);
    raw_ += static_cast<char>(c);
    skip();
  }
}

void CsvReader::read_quoted(CsvRecord& record) {
  std::string& field = new_field(record);
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
    if (c == '\n' || (c == '\r' && peek() != '\n')) ++line_;
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
    if (after >= 0 && after != static_cast<unsigned char>(separator_) && after != '\n' && after != '\r') {
      return spoil(record,
                   "Text follows a closing quote: double the quotes inside a field, and close the one that begins it.");
    }
    return;
  }
}

bool CsvReader::at_line_end() {
  const int c = peek();
  if (c != '\r' && c != '\n') return c < 0;
  skip();
  if (c == '\r' && peek() == '\n') skip();  // a lone CR ends a line too: old spreadsheets write it
  ++line_;
  line_was_ended_ = true;
  return true;
}

// A quote that is not closed takes the lines behind it for a part of its field, up to the next quote or 1 MiB: they are
// rows of their own. No byte is read a third time: the lines between hold an even number of quotes each, so that none
// of them leaves a field open when it is read by itself.
void CsvReader::to_next_line(CsvRecord& record) {
  if (const std::size_t stop = raw_.find_first_of("\r\n"); stop != std::string::npos) {
    read_again(raw_.substr(stop));
    record.fields = {raw_.substr(0, stop)};
    line_ = record.line;
  }
  while (!at_line_end()) skip();
}

void CsvReader::read_again(std::string bytes) {
  if (is_reading_again()) {
    again_at_ -= bytes.size();  // so all of them came from there
    return;
  }
  again_ = std::move(bytes);
  again_at_ = 0;
}

void CsvReader::spoil(CsvRecord& record, std::string why) {
  record.trouble = std::move(why);
  record.fields = {raw_};
  fields_ = 1;
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

Result<RefusedFile> RefusedFile::create(const std::string& path, const std::vector<std::string>& header,
                                        const RefusedBounds& bounds) {
  RefusedFile refused;
  refused.path_ = path;
  refused.bounds_ = bounds;
  refused.header_ = {"line", "reason"};
  refused.header_.insert(refused.header_.end(), header.begin(), header.end());
  // Found out now, not after an hour of import: can it be written at all? Whoever may write into that folder cannot
  // have us write through a link of his: it is a new file, and put in place at the end. Its owner's alone: rows of
  // orders hold names and addresses, and the mode of the export (0666 on a share, or the mask of a list of who may) is
  // no measure of who may read a file that another user makes.
  const std::string part = refused.part_path();
  ::unlink(part.c_str());
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd >= 0) refused.file_.reset(::fdopen(fd, "wb"));
  if (!refused.file_) {
    return fail("trade/no_file",
                fmt::format("The file for refused rows, {}, cannot be written: {}.", path, std::strerror(errno)));
  }
  return refused;
}

RefusedFile::~RefusedFile() {
  if (file_) ::unlink(part_path().c_str());
}

Status RefusedFile::put(std::vector<std::string> fields) {
  for (std::string& field : fields)
    if (field.size() > bounds_.field_bytes) field = std::string(first_bytes(field, bounds_.field_bytes)) + "…";
  const std::string text = csv_line(fields);
  bytes_ += text.size();
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
    return fail("trade/no_file", fmt::format("{} cannot be written: {}.", path_, std::strerror(errno)));
  }
  return {};
}

Status RefusedFile::add(std::uint64_t line, std::string_view reason, const std::vector<std::string>& fields) {
  if (rows_ == 0) HF_TRY_VOID(put(header_));
  if (rows_ >= bounds_.rows || bytes_ >= bounds_.bytes) ++left_out_;
  ++rows_;
  if (left_out_ > 0) return {};
  std::vector<std::string> row = {std::to_string(line), std::string(reason)};
  row.insert(row.end(), fields.begin(), fields.end());
  return put(std::move(row));
}

Status RefusedFile::close() {
  if (!file_) return {};
  const std::string part = part_path();
  if (left_out_ > 0)
    HF_TRY_VOID(put({"", fmt::format("and {} more refused rows, which are not written here", left_out_)}));
  bool written = std::fclose(file_.release()) == 0;
  if (rows_ == 0) {
    ::unlink(part.c_str());
    ::unlink(path_.c_str());  // of an import before, which is put right now
  } else {
    written = written && std::rename(part.c_str(), path_.c_str()) == 0;
  }
  if (!written) return fail("trade/no_file", fmt::format("{} cannot be written: {}.", path_, std::strerror(errno)));
  return {};
}

}  // namespace holdfast::trade
