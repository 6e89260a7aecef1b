// CSV that other systems and spreadsheets read, written so that nothing in it can act.
//
// Shape:  UTF-8, RFC 4180: CRLF line ends, fields quoted where they hold a comma, a quote or a line end. A text that
//         begins with = + - @ or a control character is a formula to a spreadsheet: it gets an apostrophe before it.
//         Numbers are written by number() and never get one.
// Source: RFC 4180; OWASP, CSV Injection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::handback {

std::string harmless(std::string_view text);

class CsvOut {
 public:
  explicit CsvOut(const std::vector<std::string>& header);
  CsvOut& text(std::string_view value);    // of a person or a file; made harmless
  CsvOut& number(std::string_view value);  // made by this program of numbers: "-12.50", "2026-11-25"
  CsvOut& skip(std::size_t fields = 1);    // empty
  void end_row();                          // HF_CHECK: as many fields as the header has
  std::size_t rows() const { return rows_; }
  std::string take() { return std::move(out_); }

 private:
  void field(std::string_view value);
  std::string out_;
  std::size_t columns_ = 0, in_row_ = 0, rows_ = 0;
};

}  // namespace holdfast::handback
