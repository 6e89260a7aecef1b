// What a person at a site may do. Each role may do what the ones before it may.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::people {

enum class Role : std::uint8_t { cashier, manager, chain_operator };

inline std::string_view to_text(Role role) {
  switch (role) {
    case Role::cashier:
      return "cashier";
    case Role::manager:
      return "manager";
    case Role::chain_operator:
      return "operator";
  }
  return "cashier";
}
inline std::optional<Role> role_of(std::string_view text) {
  if (text == "cashier") return Role::cashier;
  if (text == "manager") return Role::manager;
  if (text == "operator") return Role::chain_operator;
  return std::nullopt;
}

}  // namespace holdfast::people
