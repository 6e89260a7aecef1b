// HTTP/1.1: over plain TCP for commands and pages on this machine, and over TLS for tills on the shop's own network.
// One thread for both.
//
// Shape:  one request of a connection at a time (what is pipelined waits its turn), keep-alive, HEAD. Bounded: header
//         and body bytes, connections, and the time each part of a request and of a response may take, counted from its
//         start and not from its last byte, so that a trickle is no way around.
//         Plain: only loopback addresses, unless insecure_bind, because PINs, keys and cookies would pass in clear.
//         TLS: any address. Connections of the two are counted apart, and one address has its share of those over TLS
//         and no more, so that a device gone wild keeps neither the other tills nor this machine's commands out. A
//         device may take more addresses than one: where all places over TLS are taken, a newcomer gets that of
//         somebody who has not shown who he is (Response::said_by), from the address that holds most, the one that has
//         been quiet longest; if all have shown it, from whom more than share_of_known are.
// Errors: open(): edge/port_in_use, edge/bad_address, edge/not_loopback, edge/net_failed (not for the tills' address,
//         which is tried again each second: the store's own screen is not to wait for its network). Later: a client
//         that breaks a rule gets a problem (400, 413, 431) and is closed; one that is too slow is closed.
// Thread: the handler is called on the server's thread and must not wait; everything else from any thread.
// Source: RFC 9112.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/base/values.h"
#include "edge/http/message.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace holdfast::http {

using TlsContext = std::shared_ptr<SSL_CTX>;

struct ServerSettings {
  std::string listen;  // host:port; port 0: any free one
  std::string tills;   // host:port for TLS; empty: none. Nobody is accepted there before use_certificate()
  bool insecure_bind = false;
  std::size_t header_bytes_max = 16u << 10;
  std::size_t body_bytes_max = 1u << 20;
  std::size_t connections_max = 1024;
  std::size_t connections_an_address_max = 64;  // over TLS
  std::size_t share_of_known = 8;               // over TLS, when all places are taken: of one till or person
  Duration header_time_max = seconds(30);       // from the end of the last response: idle keep-alive connections end so
  Duration body_time_max = seconds(20);
  Duration response_time_max = seconds(30);
  Duration drain_time_max = seconds(5);                      // stop(): for what is being answered
  std::vector<std::pair<std::string, std::string>> headers;  // on every response
  // What an operator wants to know; by open() and on the server's thread.
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class Server {
 public:
  // Binds the port, so that one in use is told at once; nobody is accepted before start().
  static Result<std::unique_ptr<Server>> open(ServerSettings settings);
  ~Server();

  void start(Handler handler);  // once
  // Accepts nobody from now on, finishes what is being answered, and returns when the thread has ended.
  void stop();

  // For connections from now on; again when it was renewed. Any thread.
  void use_certificate(TlsContext context);

  std::string address() const;  // "127.0.0.1:7400"
  std::uint16_t port() const;
  std::uint16_t tills_port() const;  // 0: none; the one that was asked for, while it cannot be had
  bool tills_can_come() const;       // their address is listened on, and there is a certificate

  struct Counters {
    std::atomic<std::uint64_t> requests = 0, problems = 0, failures = 0;  // all, 4xx, 5xx
    std::atomic<std::uint64_t> connections = 0, refused_connections = 0, displaced_connections = 0;
    std::atomic<std::int64_t> open_connections = 0;
  };
  const Counters& counters() const;

  class Impl;

 private:
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::http
