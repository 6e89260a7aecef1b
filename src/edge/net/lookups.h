// Names of hosts, looked up without anybody waiting for it.
//
// A name server that drops packets, which is what a store sees whose uplink is cut, makes one getaddrinfo() take ten
// seconds to a minute, and nothing can end it. So each host has a thread of its own while it is looked up: a name that
// nobody answers holds up no other. Each is looked up once at a time; what asks meanwhile waits for the same answer, or
// gets the addresses that the host had last, if it had any. A link knows its peer by its key, so an old address is
// worth a try and no risk.
//
// Shape:  at most as many threads as there are different hosts. A thread owns nothing but its question: this may end
//         before it does, and waits for none.
// Errors: what getaddrinfo() says, as `problem`; with `problem` empty there is at least one address.
// Thread: look_up() and the answers on the one that runs `io`; the destructor when nobody runs it any more.
// Source: getaddrinfo(3); RFC 6724 orders its answers.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/net/host_addresses.h"

namespace holdfast::edge {

class Lookups {
 public:
  using Ask = std::function<HostAddresses(const std::string& host)>;  // on a thread of its own
  using Answer = std::function<void(const HostAddresses&)>;

  explicit Lookups(boost::asio::io_context& io, Ask ask = addresses_of);
  ~Lookups();
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;

  // `answer` may come before this returns.
  void look_up(const std::string& host, Answer answer);

 private:
  struct Host {
    bool is_asked = false;
    std::vector<Answer> waiting;
    HostAddresses last;  // what it had when it was found; none: never
  };
  struct Mailbox;
  void ask(const std::string& host);
  void take(const std::string& host, HostAddresses found);

  const Ask ask_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::map<std::string, Host> hosts_;
};

}  // namespace holdfast::edge
