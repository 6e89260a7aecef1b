// Text that people and files bring, before it is kept for ever.
//
// Source: RFC 3629 (UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF).
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

bool is_utf8(std::string_view text);
// UTF-8 without control characters (U+0000 to U+001F, U+007F), so that it can be printed, logged and put in one line of
// a file. Empty text is clean.
bool is_clean_text(std::string_view text);
// At most `bytes_max` bytes of clean text, of text that may be anything: what cannot be printed becomes '?', and no
// UTF-8 sequence is cut in two.
std::string clean_text(std::string_view text, std::size_t bytes_max);

}  // namespace holdfast
