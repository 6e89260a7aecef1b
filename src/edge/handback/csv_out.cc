#include "edge/handback/csv_out.h"

#include "core/base/check.h"

namespace holdfast::handback {

std::string harmless(std::string_view text) {
  std::string out;
  const bool acts = !text.empty() && (std::string_view("=+-@").find(text.front()) != std::string_view::npos ||
                                      static_cast<unsigned char>(text.front()) < 0x20);
  if (acts) out += '\'';
  out += text;
  return out;
}

CsvOut::CsvOut(const std::vector<std::string>& header) : columns_(header.size()) {
  for (const std::string& name : header) field(name);
  end_row();
  rows_ = 0;
}

void CsvOut::field(std::string_view value) {
  if (in_row_++ > 0) out_ += ',';
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    out_ += value;
    return;
  }
  out_ += '"';
  for (const char c : value) {
    if (c == '"') out_ += '"';
    out_ += c;
  }
  out_ += '"';
}

CsvOut& CsvOut::text(std::string_view value) {
  field(harmless(value));
  return *this;
}
CsvOut& CsvOut::number(std::string_view value) {
  field(value);
  return *this;
}
CsvOut& CsvOut::skip(std::size_t fields) {
  while (fields-- > 0) field("");
  return *this;
}
void CsvOut::end_row() {
  HF_CHECK(in_row_ == columns_, "{} fields in a row of {}", in_row_, columns_);
  out_ += "\r\n";
  in_row_ = 0;
  ++rows_;
}

}  // namespace holdfast::handback
