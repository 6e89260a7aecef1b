#include "edge/http/json_read.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/chain/chain.h"
#include "core/till/till.h"
#include "edge/http/text.h"

namespace holdfast::http {
namespace {

struct Where {
  std::size_t line = 1, column = 1;
};
Where where(std::string_view text, std::size_t position) {
  Where at;
  for (char c : text.substr(0, position)) {
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else {
      ++at.column;
    }
  }
  return at;
}

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "true or false";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

}  // namespace

Result<json::value> parse_json(std::string_view text, json::storage_ptr storage) {
  if (const auto bad = bad_utf8_at(text)) {
    const Where at = where(text, *bad);
    return fail("http/bad_encoding",
                fmt::format("The body is not UTF-8: byte {} (line {}, column {}) is no part of a character. Send "
                            "JSON encoded as UTF-8.",
                            *bad, at.line, at.column));
  }
  json::parse_options options;
  options.max_depth = depth_max;
  json::parser parser({}, options);
  parser.reset(std::move(storage));
  boost::system::error_code error;
  std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size()) error = json::error::extra_data;
  if (error) {
    read = std::min(read, text.size());
    const Where at = where(text, read);
    return fail("http/bad_json",
                fmt::format("The body is not JSON that can be read: {} at byte {} (line {}, column {}).",
                            error.message(), read, at.line, at.column));
  }
  return parser.release();
}

Fields::Fields(const json::value& value, std::string_view name, std::optional<Error>& problem)
    : name_(name), problem_(problem) {
  open(value);
}
Fields::Fields(const json::value& value, const Fields& parent, std::string_view name, std::size_t index)
    : parent_(&parent), name_(name), index_(index), problem_(parent.problem_) {
  open(value);
}

void Fields::open(const json::value& value) {
  object_ = value.if_object();
  if (object_ == nullptr && !problem_) {
    problem_ = Error{"http/wrong_type", fmt::format("{} must be an object {{…}}, not {}.", path(""), kind_name(value))};
  }
}

std::string Fields::path(std::string_view name) const {
  std::string out(name);
  for (const Fields* at = this; at != nullptr; at = at->parent_) {
    if (at->name_.empty()) continue;
    std::string front(at->name_);
    if (at->index_ != no_index) front += fmt::format("[{}]", at->index_);
    if (!out.empty()) front += '.';
    out.insert(0, front);
  }
  return out.empty() ? "The body" : out;
}

void Fields::refuse(std::string_view code, std::string_view name, std::string_view why) {
  if (!problem_) problem_ = Error{code, fmt::format("{} {}.", path(name), why)};
}

// nullptr where the field is absent, or something was wrong before.
const json::value* Fields::take(std::string_view name) {
  if (problem_) return nullptr;
  asked_.push_back(name);
  const json::value* value = object_->if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}
bool Fields::has(std::string_view name) { return take(name) != nullptr; }
const json::value* Fields::need(std::string_view name) {
  const json::value* value = take(name);
  if (value == nullptr) refuse("http/missing_field", name, "is missing");
  return value;
}

std::string_view Fields::text_of(const json::value& value, std::string_view name, TextRule rule) {
  const json::string* string = value.if_string();
  if (string == nullptr) {
    refuse("http/wrong_type", name, fmt::format("must be a string in quotes, not {}", kind_name(value)));
    return {};
  }
  const std::string_view text(string->data(), string->size());
  if (text.size() < rule.bytes_min) refuse("http/bad_value", name, "must not be empty");
  if (text.size() > rule.bytes_max) {
    refuse("http/bad_value", name,
           fmt::format("is {} bytes long, at most {} are allowed", text.size(), rule.bytes_max));
  }
  if (!rule.lines && has_control_characters(text))
    refuse("http/bad_value", name, "holds control characters (line ends, tabs, NUL)");
  if (rule.free_text && till::free_text_holds_card_number(text)) {
    refuse("till/card_number", name,
           "holds what looks like the number of a payment card, which Holdfast never stores. Take it out and send the "
           "write again");
  }
  return problem_ ? std::string_view() : text;
}

std::string Fields::text(std::string_view name, TextRule rule) {
  const json::value* value = need(name);
  return value == nullptr ? std::string() : std::string(text_of(*value, name, rule));
}
std::string Fields::text_or_empty(std::string_view name, TextRule rule) {
  rule.bytes_min = 0;
  const json::value* value = take(name);
  return value == nullptr ? std::string() : std::string(text_of(*value, name, rule));
}

bool Fields::flag(std::string_view name, bool otherwise) {
  const json::value* value = take(name);
  if (value == nullptr) return otherwise;
  if (!value->is_bool())
    refuse("http/wrong_type", name, fmt::format("must be true or false, not {}", kind_name(*value)));
  return problem_ ? otherwise : value->get_bool();
}
bool Fields::needed_flag(std::string_view name) {
  if (need(name) == nullptr) return false;
  return flag(name, false);
}

std::uint64_t Fields::number(std::string_view name, std::uint64_t min, std::uint64_t max) {
  const json::value* value = need(name);
  if (value == nullptr) return min;
  std::uint64_t out = 0;
  if (const std::int64_t* whole = value->if_int64(); whole != nullptr && *whole >= 0) {
    out = static_cast<std::uint64_t>(*whole);
  } else if (const std::uint64_t* large = value->if_uint64()) {
    out = *large;
  } else if (whole != nullptr) {
    refuse("http/bad_value", name, "must not be negative");
  } else {
    refuse("http/wrong_type", name,
           fmt::format("must be a whole number, not {}", value->is_double() ? "a fraction" : kind_name(*value)));
  }
  if (!problem_ && (out < min || out > max)) refuse("http/bad_value", name, fmt::format("must be {} to {}", min, max));
  return problem_ ? min : out;
}

std::int64_t Fields::integer(std::string_view name) {
  const json::value* value = need(name);
  if (value == nullptr) return 0;
  if (!value->is_int64()) refuse("http/wrong_type", name, "must be a whole number within 64 bits");
  return problem_ ? 0 : value->get_int64();
}

Money Fields::money(std::string_view name) {
  const json::value* value = need(name);
  if (value == nullptr) return {};
  if (value->is_double() || value->is_uint64()) {
    // Boost reads "1.5", "1e3" and what exceeds 64 bits as a double.
    refuse("http/bad_value", name,
           "must be a whole number of minor units (pence, cents) within bounds, without fraction or exponent");
  } else if (!value->is_int64()) {
    refuse("http/wrong_type", name,
           fmt::format("must be a whole number of minor units (pence, cents), not {}", kind_name(*value)));
  }
  if (problem_) return {};
  const std::int64_t minor = value->get_int64();
  if (minor < 0) refuse("http/bad_value", name, "must not be negative");
  if (minor > money_minor_max) refuse("http/bad_value", name, fmt::format("is too large, at most {}", money_minor_max));
  return problem_ ? Money{} : Money{minor};
}
Money Fields::money_or_zero(std::string_view name) { return has(name) ? money(name) : Money{}; }

Quantity Fields::quantity(std::string_view name, Quantity min) {
  const json::value* value = need(name);
  if (value == nullptr) return {};
  if (value->is_number()) {
    refuse("http/wrong_type", name,
           "must be a decimal in quotes like \"1\" or \"0.250\": a JSON number does not keep decimals exactly");
  }
  const std::string_view text = text_of(*value, name, {.bytes_max = 40});
  if (problem_) return {};
  auto quantity = parse_quantity(text);
  if (!quantity) {
    refuse(quantity.error().code, name, "is wrong: " + quantity.error().text);
    return {};
  }
  if (*quantity < min)
    refuse("http/bad_value", name, min.thousandths == 0 ? "must not be negative" : "must be more than 0");
  return *quantity;
}

UnitPrice Fields::unit_price(std::string_view name) {
  const json::value* value = need(name);
  if (value == nullptr) return {};
  if (value->is_number()) {
    refuse("http/wrong_type", name,
           "must be a decimal in quotes like \"2.55\": a JSON number does not keep decimals exactly");
  }
  const std::string_view text = text_of(*value, name, {.bytes_max = 40});
  if (problem_) return {};
  auto price = parse_unit_price(text);
  if (!price) {
    refuse(price.error().code, name, "is wrong: " + price.error().text);
    return {};
  }
  if (price->millionths < 0) refuse("http/bad_value", name, "must not be negative");
  return *price;
}

Instant Fields::time(std::string_view name) {
  const std::string given = text(name, {.bytes_max = 40});
  if (problem_) return {};
  auto at = parse_instant(given);
  if (!at) refuse(at.error().code, name, "is wrong: " + at.error().text);
  return at.value_or(Instant{});
}
std::optional<Instant> Fields::time_if_any(std::string_view name) {
  if (!has(name)) return std::nullopt;
  return time(name);
}

Origin Fields::origin(std::string_view name) {
  const std::string given = text(name, {.bytes_max = 200});
  if (problem_) return {};
  auto origin = parse_origin(given);
  if (!origin) refuse(origin.error().code, name, "is wrong: " + origin.error().text);
  return origin.value_or(Origin{});
}
ReceiptNumber Fields::receipt(std::string_view name) {
  const std::string given = text(name, {.bytes_max = 60});
  if (problem_) return {};
  auto receipt = parse_receipt(given);
  if (!receipt) refuse(receipt.error().code, name, "is wrong: " + receipt.error().text);
  return receipt.value_or(ReceiptNumber{});
}
SiteName Fields::site(std::string_view name) {
  const std::string given = text(name, {.bytes_max = SiteName::bytes_max});
  if (problem_) return {};
  const auto site = chain::site_name_of(given);
  if (!site) refuse("http/bad_value", name, "must be a site's name: a-z, 0-9 and hyphens");
  return site.value_or(SiteName{});
}

void Fields::each(std::string_view name, std::size_t items_min, std::size_t items_max,
                  const std::function<void(Fields&)>& read) {
  const json::value* value = need(name);
  if (value == nullptr) return;
  const json::array* list = value->if_array();
  if (list == nullptr)
    return refuse("http/wrong_type", name, fmt::format("must be a list […], not {}", kind_name(*value)));
  if (list->size() < items_min) return refuse("http/bad_value", name, "must not be empty");
  if (list->size() > items_max) {
    return refuse("http/bad_value", name, fmt::format("has {} items, at most {} are allowed", list->size(), items_max));
  }
  for (std::size_t i = 0; i < list->size() && !problem_; ++i) {
    Fields item((*list)[i], *this, name, i);
    if (problem_) return;
    read(item);
    item.finish();
  }
}
void Fields::object_if_any(std::string_view name, const std::function<void(Fields&)>& read) {
  const json::value* value = take(name);
  if (value == nullptr) return;
  Fields object(*value, *this, name, no_index);
  if (problem_) return;
  read(object);
  object.finish();
}

void Fields::finish() {
  if (problem_) return;
  for (const auto& field : *object_) {
    const std::string_view key(field.key().data(), field.key().size());
    if (std::ranges::find(asked_, key) == asked_.end()) {
      return refuse("http/unknown_field", key.substr(0, 60),
                    "is not known here: take it out, or look up its name in schema/openapi.yaml");
    }
  }
}

}  // namespace holdfast::http
