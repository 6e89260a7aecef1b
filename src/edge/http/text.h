// Text that came over HTTP: is it what it claims to be?
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::http {

// Position of the first byte that is no part of well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms);
// nullopt: all of it is.
std::optional<std::size_t> bad_utf8_at(std::string_view text);
// C0 controls and DEL; nothing that a person types into one line holds them.
bool has_control_characters(std::string_view text);

// RFC 3986 percent-decoding; `plus_is_blank` as in forms' queries. nullopt: a broken escape, bad UTF-8 or a control
// character.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

// Equal without telling by time how far they are.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace holdfast::http
