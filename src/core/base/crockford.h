// Crockford's base32: no I, L, O, U, so that a code or number read aloud or typed from paper stays itself.
//
// Source: https://www.crockford.com/base32.html, without its check symbol.
#pragma once

#include <string_view>

namespace holdfast {

inline constexpr std::string_view crockford_digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// The digit that was meant, as a person types it: in any case, O for 0, I and L for 1. What is no digit is no digit
// afterwards either (a U, a hyphen).
inline constexpr char crockford_meant(char typed) {
  const char c = typed >= 'a' && typed <= 'z' ? static_cast<char>(typed - 'a' + 'A') : typed;
  if (c == 'O') return '0';
  return c == 'I' || c == 'L' ? '1' : c;
}

}  // namespace holdfast
