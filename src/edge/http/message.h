// A request as it came, a response as it goes; plain values, so that the API knows nothing of sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/values.h"

namespace holdfast::http {

enum class Method { get, head, post, del, options, other };

struct Request {
  Method method = Method::other;
  std::string path;   // as sent, still percent-encoded; starts with '/'
  std::string query;  // what follows '?', as sent
  std::string host, origin, authorization, cookie, content_type, csrf, if_none_match, fetch_site;  // empty: not sent
  std::string body;
  std::string session;     // X-Holdfast-Session: of a person at a till of another of the store's machines
  std::string from;        // the address at the other end of the connection
  bool is_secure = false;  // it came over TLS
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::shared_ptr<const std::string> shared_body;  // instead of body: a page held in memory
  std::vector<std::pair<std::string, std::string>> headers;
  Duration hold;        // it is sent no sooner than this: who floods waits, and the node and the tills do not
  std::string said_by;  // "till/3": whom its request proved to come from; empty: nobody
};
// Of what is refused because it came too fast, or is no HTTP. Whoever asks as tills and people do never meets it.
inline constexpr Duration flood_hold = milliseconds(250);

// Makes the response on the server's thread. To be called once; from any thread.
using Respond = std::function<void(std::function<Response()>)>;
using Handler = std::function<void(Request, Respond)>;

inline void respond_now(const Respond& respond, Response response) {
  respond([response = std::move(response)] { return response; });
}

}  // namespace holdfast::http
