// The rules of a chain file, apart from how it is written. Internal to this room.
#pragma once

#include "core/chain/chain.h"

namespace holdfast::chain {

inline constexpr std::string_view bad_file = "chain/bad_file";

// In a description, keys and key sets may still be missing; what is there is checked.
enum class Form { whole, description };

// Where each value stands: "site.3.mirrors" -> line. A path that is not known has the line of its parent.
class Lines {
 public:
  void set(std::string path, std::uint32_t line) { at_.insert_or_assign(std::move(path), line); }
  std::uint32_t of(std::string_view path) const;

 private:
  std::map<std::string, std::uint32_t, std::less<>> at_;
};

void find_problems(const ChainFile& file, Form form, const Lines& lines, std::vector<Problem>& problems);

// The first problem as an Error, with the number of the others; `problems` not empty.
Error as_error(std::string_view code, const std::vector<Problem>& problems);

bool is_chain_name(std::string_view text);    // "holdfast.example/acme"
bool is_key_name(std::string_view text);      // [a-z][a-z0-9-]*, so never taken for an epoch
bool is_plain_text(std::string_view text);    // no control characters
bool is_link_address(std::string_view text);  // host:port

}  // namespace holdfast::chain
