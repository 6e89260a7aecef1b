// CSV as people's systems write it, one record at a time, in bounded memory.
//
// Shape:  comma-separated (or by what CsvReader is told), fields quoted with " where needed ("" inside), LF, CRLF or a
//         lone CR; a UTF-8 byte order mark is dropped. A quoted field may hold line ends. Empty lines are skipped.
// Errors: a record that breaks the rules (quotes, encoding, size, NUL) is still handed out, with `trouble` saying why
//         and its raw text as its only field, and reading goes on with the next line; so one bad row costs one row,
//         also where its quote is never closed: what was read behind its first line is read again, as rows.
//         Only a failure to read bytes is an Error.
// Source: RFC 4180.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "edge/trade/source.h"

namespace holdfast::trade {

inline constexpr std::size_t csv_record_bytes_max = 1u << 20;
inline constexpr std::size_t csv_fields_max = 1000;

struct CsvRecord {
  std::uint64_t line = 0;  // from 1, where the record begins
  std::vector<std::string> fields;
  std::string trouble;  // empty: the record is well-formed
};

class CsvReader {
 public:
  explicit CsvReader(std::unique_ptr<ByteSource> source, char separator = ',')
      : source_(std::move(source)), separator_(separator), buffer_(1u << 17) {}
  // nullopt at the end.
  Result<std::optional<CsvRecord>> next();
  // The same into a record that is used again, so that a row costs no allocation; false at the end.
  Result<bool> next(CsvRecord& record);
  // Whether the last record had a line end behind it: a file that was cut off has none.
  bool line_was_ended() const { return line_was_ended_; }

 private:
  static constexpr int end = -1, failed = -2;
  int peek();  // end, failed (error_ is set), or 0..255
  void skip() { ++(is_reading_again() ? again_at_ : at_); }
  bool is_reading_again() const { return again_at_ < again_.size(); }
  void read_again(std::string bytes);  // the last that were read
  void skip_byte_order_mark();
  std::string& new_field(CsvRecord& record);
  // A whole line that lies in the buffer and holds no quote; false: it is read the long way.
  bool read_plain_line(CsvRecord& record);
  void read_record(CsvRecord& record);
  void read_field(CsvRecord& record);
  void read_quoted(CsvRecord& record);
  bool at_line_end();
  void to_next_line(CsvRecord& record);
  void spoil(CsvRecord& record, std::string why);

  std::unique_ptr<ByteSource> source_;
  char separator_;
  std::vector<char> buffer_;
  std::size_t fields_ = 0;  // of the record being read; its strings beyond are left from the one before
  bool line_was_ended_ = false;
  std::size_t at_ = 0, filled_ = 0;
  bool ended_ = false;
  bool started_ = false;
  std::uint64_t line_ = 1;
  std::string raw_;    // of the record being read
  std::string again_;  // comes before what is left in the buffer
  std::size_t again_at_ = 0;
  std::optional<Error> error_;
};

// One record as a line of CSV, quoted where needed.
std::string csv_line(const std::vector<std::string>& fields);
std::string_view trimmed(std::string_view text);  // without blanks and tabs at both ends
// At most `size` bytes, never half a character.
std::string_view first_bytes(std::string_view text, std::size_t size);

// How much of a file that others wrote may be written again: longer fields are cut, and behind the rows or the bytes
// comes a last row that says how many more there were.
struct RefusedBounds {
  std::uint64_t rows = UINT64_MAX, bytes = UINT64_MAX;
  std::size_t field_bytes = SIZE_MAX;
};
// The rows that were not taken, for a person to put right: line, reason, then the row as it came.
// Shape:  mode 0600; an older file of that name is replaced when it is closed; after a clean import none is left.
// Errors: trade/no_file: it cannot be written.
class RefusedFile {
 public:
  RefusedFile(RefusedFile&&) = default;
  RefusedFile& operator=(RefusedFile&&) = default;
  ~RefusedFile();  // one that was not closed leaves nothing
  static Result<RefusedFile> create(const std::string& path, const std::vector<std::string>& header,
                                    const RefusedBounds& bounds = {});
  Status add(std::uint64_t line, std::string_view reason, const std::vector<std::string>& fields);
  Status close();
  std::uint64_t rows() const { return rows_; }

 private:
  RefusedFile() = default;
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string part_path() const { return path_ + ".part"; }
  Status put(std::vector<std::string> fields);
  std::string path_;
  std::vector<std::string> header_;
  RefusedBounds bounds_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::uint64_t rows_ = 0, left_out_ = 0, bytes_ = 0;
};

}  // namespace holdfast::trade
