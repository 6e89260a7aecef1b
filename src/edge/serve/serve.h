// `holdfast serve`: a node with its HTTP API, until a signal ends it.
//
// Shape:  main thread: signals. One thread each: the node, HTTP, links, the worker for PINs.
//         SIGTERM and SIGINT: no more requests are taken, those under way are answered, the node signs and writes a
//         snapshot of what is durable, exit code 0. A failed write ends the process at once (protocol 1.2), exit code
//         3. A node that was replaced (5.7) answers reads, refuses writes, and offers its tail until all of it is taken
//         in or nobody has taken more of it for a day (linger.h), exit code 4.
// Errors: what cannot start says why in one sentence: exit code 1.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/values.h"
#include "edge/serve/log.h"

namespace holdfast::node {
class Node;
}

namespace holdfast::serve {

// Another port than those of links, which `chain demo` and the documents begin at 7400.
inline constexpr const char* default_http = "127.0.0.1:8080";

struct ServeSettings {
  std::string data;
  std::string http = default_http;  // host:port
  bool http_insecure_bind = false;
  std::string tills;                     // host:port for tills, over TLS; empty: none come by the network
  std::vector<std::string> tills_names;  // by which tills call this machine, besides that host
  std::string links;                     // host:port for links; empty: the chain file's; "none": only dials
  std::string old_machine;               // host:port where a promoted spare looks for the machine it replaced
  unsigned spare_silence_seconds = 60;   // protocol 10.2
  std::string pages;                     // directory, for who works on the pages; empty: those inside the program
  std::string demo_control;              // URL; empty: no demo
  std::string log;                       // file; empty: standard error
  std::function<void(const node::Node&)> on_round = {};  // called after each round of the node, on its thread
};

inline constexpr int exit_failed = 1, exit_fatal = 3, exit_replaced = 4;

int serve(const ServeSettings& settings);

}  // namespace holdfast::serve
