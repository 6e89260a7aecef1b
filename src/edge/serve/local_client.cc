#include "edge/serve/local_client.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/node/node.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/keys/spare_directory.h"
#include "edge/posix/data_lock.h"
#include "edge/serve/http_call.h"

namespace holdfast::serve {
namespace {

Result<std::string> first_line_of(const std::string& path) {
  HF_TRY(const std::string text, keys::read_public_file(path, 4096));
  return text.substr(0, text.find('\n'));
}

std::unexpected<Error> nobody(const std::string& data, std::string_view why, std::string_view what_to_do = {}) {
  return fail("edge/no_node", fmt::format("No node serves {} now ({}).{}", data, why, what_to_do));
}

// Not edge/no_node: a command that finds none acts on the directory by itself, and its owner would be told to stop it.
std::unexpected<Error> silent(const std::string& data, std::string_view why, std::string_view what_to_do) {
  return fail("edge/no_answer",
              fmt::format("What runs in {} gives no answer ({}). Leave it running{}", data, why, what_to_do));
}
std::unexpected<Error> silent_when_asked(const std::string& data, std::string_view why) {
  return silent(data, why,
                ": what was asked may be done already. Look in a moment, and type it again or use its page.");
}

std::unexpected<Error> not_started(const std::string& data) {
  std::error_code ignored;
  if (std::filesystem::exists(fmt::format("{}/{}", data, node::replaced_path), ignored))
    return nobody(
        data, "nobody holds its LOCK",
        " A newer machine of this site has replaced it: do not start it again, unless its last line said that some of "
        "its entries are still to be taken in; then link it first.");
  const std::string_view spare = keys::is_spare_directory(data) ? "spare " : "";
  return nobody(data, "nobody holds its LOCK",
                fmt::format(" Start it: `systemctl start holdfast{}`, or `holdfast {}serve --data {}`.",
                            spare.empty() ? "" : "-spare", spare, data));
}

}  // namespace

Result<std::string> address_of_node(const std::string& data) {
  // The lock before the file: its next owner removes what the last one left.
  HF_TRY(const bool is_held, edge::DataLock::is_held(data));
  if (!is_held) {
    HF_TRY_VOID(keys::read_site_marker(data));  // a mistyped directory is no node that has ended
    return not_started(data);
  }
  auto where = first_line_of(data + "/" + std::string(edge::http_address_path));
  if (!where)
    return silent(data, "it has no file http-address: it is starting, ending, or no node, or its disk is full",
                  ", and type this again in a few seconds or use its page; nothing was asked of it.");
  return where;
}

Result<boost::json::object> ask_node(const std::string& data, std::string_view method, const std::string& path,
                                     const std::string& body) {
  HF_TRY(const std::string where, address_of_node(data));
  const auto token = first_line_of(data + "/admin.token");
  if (!token) return silent(data, "it has no file admin.token", "; nothing was asked of it. Use its page.");
  HttpCall call{.address = where, .method = std::string(method), .path = path, .headers = {}, .body = body};
  call.headers.emplace_back("Authorization", "Local " + *token);
  auto answer = http_call(call);
  if (!answer && answer.error().code == "edge/no_node") return silent_when_asked(data, answer.error().text);
  if (!answer) return pass_on(std::move(answer).error());
  if (answer->status >= 400) return fail("edge/refused", answer->detail());
  return std::move(answer->body);
}

}  // namespace holdfast::serve
