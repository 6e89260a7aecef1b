#include "edge/serve/local_client.h"

#include <fmt/format.h>

#include "edge/keys/private_files.h"
#include "edge/serve/http_call.h"
#include "edge/serve/serve.h"

namespace holdfast::serve {
namespace {

Result<std::string> first_line_of(const std::string& path) {
  HF_TRY(const std::string text, keys::read_public_file(path, 4096));
  return text.substr(0, text.find('\n'));
}

}  // namespace

Result<boost::json::object> ask_node(const std::string& data, std::string_view method, const std::string& path,
                                     const std::string& body) {
  const auto nobody = [&](const std::string& why) {
    return fail("edge/no_node", fmt::format("No node serves {} now ({}).", data, why));
  };
  const auto where = first_line_of(data + "/" + std::string(http_address_path));
  const auto token = first_line_of(data + "/admin.token");
  if (!where || !token) return nobody("it has no file http-address or admin.token");
  HttpCall call{.address = *where, .method = std::string(method), .path = path, .headers = {}, .body = body};
  call.headers.emplace_back("Authorization", "Local " + *token);
  auto answer = http_call(call);
  if (!answer && answer.error().code == "edge/no_node") return nobody(answer.error().text);
  if (!answer) return pass_on(std::move(answer).error());
  if (answer->status >= 400) return fail("edge/refused", answer->detail());
  return std::move(answer->body);
}

}  // namespace holdfast::serve
