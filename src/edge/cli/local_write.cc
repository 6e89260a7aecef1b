#include "edge/cli/local_write.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <map>

#include "core/base/bytes.h"
#include "edge/cli/cli.h"
#include "edge/keys/private_files.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/local_client.h"

namespace holdfast::cli {
namespace json = boost::json;

std::string new_key() {
  edge::SodiumEntropy entropy;
  ByteArray<16> key;
  entropy.fill(key);
  return to_hex(key);
}

std::string as_json(std::string_view text) {
  http::JsonOut out;
  return out.text(text).take();
}

std::string text_at(const json::object& object, std::string_view name, std::string_view otherwise) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::string(otherwise);
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}
std::int64_t number_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return 0;
  if (value->is_int64()) return value->get_int64();
  return value->is_uint64() ? static_cast<std::int64_t>(value->get_uint64()) : 0;
}
bool flag_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}
const json::object& object_at(const json::object& object, std::string_view name) {
  static const json::object none;
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_object() ? value->get_object() : none;
}
const json::array& list_at(const json::object& object, std::string_view name) {
  static const json::array none;
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_array() ? value->get_array() : none;
}

std::vector<const json::object*> objects_at(const json::object& object, std::string_view name) {
  std::vector<const json::object*> out;
  for (const json::value& item : list_at(object, name))
    if (item.is_object()) out.push_back(&item.get_object());
  return out;
}

Result<std::string> staff_id(const std::string& data, const std::string& given) {
  if (given.size() == 32) return given;
  HF_TRY(const json::object answer, serve::ask_node(data, "GET", "/v1/staff"));
  for (const json::object* each : objects_at(answer, "staff"))
    if (text_at(*each, "number") == given) return text_at(*each, "staff_id");
  return fail("people/unknown_staff",
              fmt::format("\"{}\" is no staff number of this site, and no id of 32 digits.", given));
}

Result<json::object> local_write(const std::string& data, const std::string& fields) {
  const std::string body = fmt::format("{{\"writes\":[{{\"key\":\"{}\",{}}}]}}", new_key(), fields);
  HF_TRY(const json::object answer, serve::ask_node(data, "POST", "/v1/writes", body));
  const json::array& replies = list_at(answer, "replies");
  if (replies.size() != 1 || !replies[0].is_object())
    return fail("edge/refused", "The node's answer has no reply to the write.");
  const json::object& reply = replies[0].get_object();
  if (flag_at(reply, "ok")) return reply;
  const json::object& problem = object_at(reply, "problem");
  return fail("edge/refused", fmt::format("{} ({})", text_at(problem, "detail"), text_at(problem, "code")));
}

Result<json::object> local_write(const std::string& data, const json::object& write) {
  const std::string text = json::serialize(write);
  return local_write(data, text.substr(1, text.size() - 2));
}

std::string ask_secret(std::string_view prompt) {
  std::string secret;
  termios before{};
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (is_terminal) {
    fmt::print(stderr, "{}", prompt);
    termios quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  std::getline(std::cin, secret);
  if (is_terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fmt::print(stderr, "\n");
  }
  return secret;
}

std::string pin_in(const std::string& file) {
  const std::string text = or_refuse(keys::read_public_file(file, 64));
  return text.substr(0, text.find('\n'));
}

}  // namespace holdfast::cli
