// All that core is given of the world. Edge implements these with POSIX, TLS and libsodium; sim with a seed.
// Nothing else under src/core reads a clock, randomness, a file or a socket.
//
// Thread: a node calls them from its one thread. Executor's jobs may run elsewhere and must be pure.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/crypto.h"
#include "core/base/values.h"

namespace holdfast {

// One file of fixed, pre-zeroed size for journal segments.
// Shape:  offsets and lengths of write() are multiples of 4,096.
// Errors: base/disk_full, base/disk_failed. After a failed write the content of the range is unknown, and the caller
//         must not write this file again (protocol 1.2).
class File {
 public:
  virtual ~File() = default;
  virtual Status write_durable(std::uint64_t offset, ByteView bytes) = 0;  // returns when the bytes survive a power cut
  virtual Status read(std::uint64_t offset, std::span<std::byte> into) = 0;  // fails on a short read
  virtual std::uint64_t size() const = 0;
};

// A tree of files below the node's data directory. Paths are relative, '/'-separated, without "..".
// Errors: base/not_found, base/disk_full, base/disk_failed.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::vector<std::string>> list(std::string_view directory) = 0;  // names, sorted; not_found -> empty
  // Zeroed, durable; must not exist.
  virtual Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) = 0;
  virtual Result<std::unique_ptr<File>> open(std::string_view path) = 0;
  virtual Result<Bytes> read_all(std::string_view path) = 0;
  // Whole or not at all, durable (temporary + rename).
  virtual Status write_all(std::string_view path, ByteView bytes) = 0;
  virtual Status remove(std::string_view path) = 0;  // missing is fine
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;        // UTC; may jump
  virtual Instant monotonic() = 0;  // never goes back; only differences mean anything
};

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<std::byte> into) = 0;
};

enum class KeyUse { log, cosign, tls, sealing };
// Holds this site's private keys; they never leave it.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual Signature sign(KeyUse use, ByteView message) = 0;  // log and cosign only
  virtual PublicKey public_key(KeyUse use) = 0;
};

// Pure jobs, run in any order on any thread; run() returns when all are done. `meanwhile` runs on the caller's own
// thread beside them, and may do what only that thread may; it touches nothing that a job touches. It may be empty.
class Executor {
 public:
  using Job = std::function<void(std::size_t)>;
  virtual ~Executor() = default;
  void run(std::size_t count, const Job& job) { run(count, job, {}); }
  virtual void run(std::size_t count, const Job& job, const std::function<void()>& meanwhile) = 0;
};
class SerialExecutor final : public Executor {
 public:
  using Executor::run;
  void run(std::size_t count, const Job& job, const std::function<void()>& meanwhile) override {
    if (meanwhile) meanwhile();
    for (std::size_t i = 0; i < count; ++i) job(i);
  }
};

// Connections to peers, already encrypted and authenticated as "whoever holds this TLS key". Messages are whole frames.
using ConnectionId = std::uint64_t;
inline constexpr std::size_t message_bytes_max = 8u << 20;
struct Doors {
  bool sealed = false;
  std::vector<PublicKey> inside;  // TLS keys that may still connect
};
class Net {
 public:
  virtual ~Net() = default;
  // Asks for a connection to host:port; NetEvents::connected or ::closed follows.
  virtual ConnectionId dial(std::string_view address) = 0;
  virtual void send(ConnectionId to, Bytes message) = 0;  // to a closed connection: dropped
  virtual std::size_t unsent_bytes(ConnectionId to) = 0;
  virtual void close(ConnectionId connection) = 0;  // nothing passes afterwards, either way
  // Sealed: nobody is accepted but holders of `inside`; connections of all others that core does not know yet end
  // before this returns. Core closes those it knows, and dials nobody.
  virtual void set_doors(const Doors&) {}
};
class NetEvents {
 public:
  virtual ~NetEvents() = default;
  virtual void on_connected(ConnectionId connection, const PublicKey& peer_tls_key, bool dialled_here) = 0;
  virtual void on_message(ConnectionId from, Bytes message) = 0;
  virtual void on_closed(ConnectionId connection) = 0;
};

struct World {
  Disk& disk;
  Net& net;
  Clock& clock;
  Entropy& entropy;
  Signer& signer;
  Executor& executor;
};

}  // namespace holdfast
