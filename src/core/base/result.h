// Result<T>: a value, or an Error that tells a person what to do.
//
// Shape:  Error.code is "<room>/<what>" ("till/unknown_sku"), listed in the header of the room that makes it and stable
//         for ever, because HTTP problems and tests name it. Error.text is a full English sentence.
// After:  a function that returns an Error has changed nothing, unless its header says otherwise.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

struct Error {
  std::string_view code;  // static storage
  std::string text;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(std::string_view code, std::string text) {
  return std::unexpected<Error>(Error{code, std::move(text)});
}
inline std::unexpected<Error> pass_on(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace holdfast

// HF_TRY(auto x, expression): x is the value, or the function returns the error.
#define HF_TRY_CAT_(a, b) a##b
#define HF_TRY_CAT(a, b) HF_TRY_CAT_(a, b)
#define HF_TRY_IMPL(tmp, declaration, ...)                      \
  auto tmp = (__VA_ARGS__);                                     \
  if (!tmp) return ::holdfast::pass_on(std::move(tmp).error()); \
  declaration = std::move(*tmp)
#define HF_TRY(declaration, ...) HF_TRY_IMPL(HF_TRY_CAT(hf_try_, __COUNTER__), declaration, __VA_ARGS__)
// HF_TRY_VOID(expression): the function returns the error, if there is one.
#define HF_TRY_VOID(...)                                                                                      \
  do {                                                                                                        \
    if (auto hf_status = (__VA_ARGS__); !hf_status) return ::holdfast::pass_on(std::move(hf_status).error()); \
  } while (false)
