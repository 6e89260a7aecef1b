// Writes JSON text straight into a string: for answers that are made between two turns of the node.
//
// Shape:  commas are placed by themselves. Text that is no UTF-8 (of a peer, say) has its bad bytes replaced by '?'.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::http {

class JsonOut {
 public:
  JsonOut& object() { return open('{'); }
  JsonOut& object(std::string_view name) { return key(name).open('{'); }
  JsonOut& end_object() { return close('}'); }
  JsonOut& array() { return open('['); }
  JsonOut& array(std::string_view name) { return key(name).open('['); }
  JsonOut& end_array() { return close(']'); }

  JsonOut& text(std::string_view value);
  JsonOut& null() { return word("null"); }
  JsonOut& boolean(bool value) { return word(value ? "true" : "false"); }
  template <std::integral Number>
  JsonOut& number(Number value) {
    return word(std::to_string(value));
  }

  JsonOut& field(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonOut& field(std::string_view name, const char* value) { return key(name).text(value); }
  JsonOut& field(std::string_view name, bool value) { return key(name).boolean(value); }
  template <std::integral Number>
  JsonOut& field(std::string_view name, Number value) {
    return key(name).number(value);
  }
  template <class Value>
  JsonOut& field(std::string_view name, const std::optional<Value>& value) {
    return value ? field(name, *value) : field_null(name);
  }
  JsonOut& field_null(std::string_view name) { return key(name).null(); }

  std::string take() { return std::move(out_); }
  std::size_t size() const { return out_.size(); }

 private:
  JsonOut& key(std::string_view name) {
    comma();
    quote(name);
    out_ += ':';
    fresh_ = true;
    return *this;
  }
  JsonOut& open(char c) {
    comma();
    out_ += c;
    fresh_ = true;
    return *this;
  }
  JsonOut& close(char c) {
    out_ += c;
    fresh_ = false;
    return *this;
  }
  JsonOut& word(std::string_view word) {
    comma();
    out_ += word;
    return *this;
  }
  void comma() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  void quote(std::string_view value);

  std::string out_;
  bool fresh_ = true;  // nothing to be parted from
};

}  // namespace holdfast::http
