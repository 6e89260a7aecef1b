// Links between sites over TCP and TLS 1.3: core's Net for the real world.
//
// Shape:  every peer is "whoever holds this TLS key" (tls_context.h); core decides after on_connected whether that is a
//         site it has a link with. Until it has, nothing the peer sent is read; of a peer that dialled us, nothing
//         after its first message is read until core has judged that one and not closed, it may be at most
//         first_message_bytes_max long, and it must come within first_message_timeout. So whoever has no business here
//         costs a handshake and a few KiB, for seconds, and there are at most pending_max of them. "Has" means: a
//         function posted by the event itself has run, so what core does in the turn that follows an event counts.
//         Messages are frames (frames.h) of at most message_bytes_max. Many small ones share a TLS record. What core
//         has not taken yet is bounded by reading no further: for each connection by undelivered_bytes_max and one
//         message, for all by undelivered_bytes_all_max and one read each. What the peer does not take is bounded by
//         closing (unsent_bytes_max).
// Errors: open(): edge/bad_address (no "host:port"), edge/tls_failed. Nothing else here ends the node, which trades
//         without links: an address or port that cannot be listened on is told and tried again each second, a
//         connection that breaks a rule is closed, accepting pauses while the process is out of descriptors.
// After:  close(): the TCP connection is reset before it returns. No byte passes in either direction afterwards, queued
//         ones included, and core hears nothing more of it, on_closed included (promise 4).
//         Otherwise each id that dial() returned or on_connected named gets exactly one on_closed.
// Thread: dial, send, unsent_bytes, close, start and the destructor belong to the node's thread. NetEvents are called
//         by functions handed to `post`, which must run them one after another, in order, on that thread, and must not
//         wait for it; they post again themselves. One thread of our own does sockets and TLS.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/world.h"
#include "edge/net/host_addresses.h"
#include "edge/net/tls_context.h"

namespace holdfast::edge {

struct TlsNetOptions {
  TlsSeed tls_seed{};
  std::string listen;  // host:port, port 0: any free one; empty: only dials
  Duration dial_timeout = seconds(3);
  Duration handshake_timeout = seconds(5);
  Duration first_message_timeout = seconds(5);
  Duration sign_of_life_interval = seconds(10);  // an empty frame, when nothing else was sent for so long
  Duration idle_timeout = seconds(30);           // nothing heard for so long: closed
  std::size_t first_message_bytes_max = 64 << 10;
  std::size_t unsent_bytes_max = 64 << 20;
  std::size_t undelivered_bytes_max = 4 << 20;
  std::size_t undelivered_bytes_all_max = 64 << 20;
  std::size_t accepted_max = 4096;  // of all peers that dialled us …
  std::size_t accepted_each_address_max = 1024;
  std::size_t pending_max = 512;  // … and of those, until core has taken their first message
  std::size_t pending_each_address_max = 128;
  // Names of hosts in addresses. It blocks, on a thread of its own for each host.
  std::function<HostAddresses(const std::string& host)> look_up = addresses_of;
  // While the doors are sealed with somebody inside: whether nobody at this address may even shake hands. Who is inside
  // is told by key, and that only after a handshake. On our own thread.
  std::function<bool(std::string_view address)> is_outside;
  // What an operator wants to know: who was refused and why. On our own thread; at most 20 lines in 10 s.
  std::function<void(std::string_view)> log;
};

class TlsNet final : public Net {
 public:
  using Post = std::function<void(std::function<void()>)>;

  // Binds the listening port where its address is a number, a name's after start(); accepts nobody before that.
  static Result<std::unique_ptr<TlsNet>> open(TlsNetOptions options, Post post);
  ~TlsNet() override;  // closes everything; posted functions that still wait do nothing

  // From here on events come. `events` outlives this TlsNet. Once, and before the node's thread runs what is posted.
  void start(NetEvents& events);

  ConnectionId dial(std::string_view address) override;
  void send(ConnectionId to, Bytes message) override;  // 1..message_bytes_max bytes
  std::size_t unsent_bytes(ConnectionId to) override;
  void close(ConnectionId connection) override;
  // Sealed with nobody inside: the port is not listened on either; with somebody: who comes from outside is reset
  // before a handshake. Opened again, it is listened on as before.
  void set_doors(const Doors& doors) override;

  std::uint16_t listening_port() const;  // 0: does not listen, or not yet
  struct Counters {
    std::uint64_t accepted = 0, refused = 0, handshakes_failed = 0, broken = 0, bytes_in = 0, bytes_out = 0;
  };
  Counters counters() const;  // any thread

 private:
  class Impl;
  explicit TlsNet(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::edge
