// Reads JSON that strangers send: strict, bounded, and each refusal says which field, and what to write instead.
//
// Shape:  UTF-8, at most depth_max deep. Every field is asked for by name; finish() refuses what nobody asked for.
//         Amounts are JSON integers in minor units; quantities and unit prices are strings, because a JSON number is a
//         binary fraction in most of the world's programs.
// Errors: http/bad_encoding, http/bad_json (both with the position); http/missing_field, http/unknown_field,
//         http/wrong_type, http/bad_value; base/bad_number, base/bad_time, base/bad_receipt, base/bad_origin;
//         till/card_number (promise 9: free text holds what looks like a card's number).
// Thread: a value; any.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/values.h"

namespace holdfast::http {

namespace json = boost::json;

inline constexpr std::size_t depth_max = 8;

Result<json::value> parse_json(std::string_view text, json::storage_ptr storage = {});

struct TextRule {
  std::size_t bytes_min = 1;
  std::size_t bytes_max = 100;
  bool free_text = false;  // a person typed it: refuse card numbers
  bool lines = false;      // a small file: line ends and tabs are fine
};

// One object. The first thing that is wrong is kept in the `problem` that all Fields of one request share; from then on
// everything reads as its default, so that a reader checks once, at its end.
class Fields {
 public:
  Fields(const json::value& value, std::string_view name, std::optional<Error>& problem);

  bool has(std::string_view name);                                  // null counts as absent
  std::string text(std::string_view name, TextRule rule);           // must be there
  std::string text_or_empty(std::string_view name, TextRule rule);  // absent, null or "": empty
  bool flag(std::string_view name, bool otherwise);                 // may be absent
  bool needed_flag(std::string_view name);
  std::uint64_t number(std::string_view name, std::uint64_t min, std::uint64_t max);
  std::int64_t integer(std::string_view name);  // may be negative
  Money money(std::string_view name);           // >= 0
  Money money_or_zero(std::string_view name);
  Quantity quantity(std::string_view name, Quantity min);
  UnitPrice unit_price(std::string_view name);  // >= 0
  Instant time(std::string_view name);
  std::optional<Instant> time_if_any(std::string_view name);
  Origin origin(std::string_view name);
  ReceiptNumber receipt(std::string_view name);
  SiteName site(std::string_view name);
  template <std::size_t N>
  ByteArray<N> hex(std::string_view name) {
    auto bytes = array_from_hex<N>(text(name, {.bytes_max = 2 * N}));
    if (!bytes) refuse("http/bad_value", name, "must be " + std::to_string(2 * N) + " hexadecimal digits");
    return bytes.value_or(ByteArray<N>{});
  }
  template <class Short>  // Sku, VatCode
  Short short_text(std::string_view name) {
    return Short(text(name, {.bytes_max = Short::bytes_max}));
  }
  // A list of objects; an item that is wrong stops the reading.
  void each(std::string_view name, std::size_t items_min, std::size_t items_max,
            const std::function<void(Fields&)>& read);
  // An object that may be absent or null.
  void object_if_any(std::string_view name, const std::function<void(Fields&)>& read);

  // For rules of the caller's own; does nothing if something was wrong before.
  void refuse(std::string_view code, std::string_view name, std::string_view why);
  bool ok() const { return !problem_; }
  void finish();  // refuses fields that nobody asked for

 private:
  Fields(const json::value& value, const Fields& parent, std::string_view name, std::size_t index);
  void open(const json::value& value);
  const json::value* take(std::string_view name);
  const json::value* need(std::string_view name);
  std::string_view text_of(const json::value& value, std::string_view name, TextRule rule);
  std::string path(std::string_view name) const;

  static constexpr std::size_t no_index = SIZE_MAX;
  const json::object* object_ = nullptr;
  const Fields* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = no_index;
  std::optional<Error>& problem_;
  std::vector<std::string_view> asked_;
};

}  // namespace holdfast::http
