# src/edge/guard/default_rules.toml -> <build>/generated/edge/guard/default_rules.h, so that the program needs no file
# beside it. The rules are read again by a test, and by `make` when they change.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/edge/guard/default_rules.toml)
file(READ ${CMAKE_SOURCE_DIR}/src/edge/guard/default_rules.toml hf_default_rules)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/edge/guard/default_rules.h CONTENT [=[// Made from src/edge/guard/default_rules.toml.
#pragma once

#include <string_view>

namespace holdfast::guard {

inline constexpr std::string_view default_rules_text = R"hf_toml(@hf_default_rules@)hf_toml";

}  // namespace holdfast::guard
]=] @ONLY)
