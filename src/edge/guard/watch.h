// The guard of a running node: where alerts come in, what is done about a seal beside the links, and what is said of
// it.
//
// Shape:  one thread waits for everything that can be news: EVE files, the Unix socket, the tripwires, refused requests
//         (counted, told four times a second), and a change of posture. Each alert goes to the node's thread, which
//         judges it and cuts there and then. A second thread asks the helper and probes, so that a slow host never
//         delays the next alert. proof() says how far the last seal has come:
//           ending   links have ended; journal and packet filter are under way
//           sealed   links have ended, the record is durable, and the packet filter is set or is said not to be
//         A helper that did not do what it was asked is asked again every five seconds, until it has or the posture
//         changes.
// Errors: open(): guard/bad_file, guard/bad_socket (another program listens there), base/disk_*.
// Thread: take, refused, proof, is_token, shuts_out, sensor_files from any; the rest by the owner.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/world.h"
#include "core/chain/chain.h"
#include "edge/guard/config.h"
#include "edge/guard/sealing.h"
#include "edge/guard/sensor_files.h"
#include "edge/guard/tripwires.h"
#include "edge/http/node_access.h"
#include "edge/serve/log.h"

namespace holdfast::guard {

inline constexpr std::string_view token_path = "alerts.token";  // in the data directory; for `Authorization: Bearer`

// Reads guard.toml of a data directory, if it has one.
Result<Config> read_config(const std::string& data);

class Watch {
 public:
  struct Parts {
    std::string data;
    Config config;  // of that directory: read_config()
    http::NodeAccess& access;
    Clock& clock;
    Entropy& entropy;
    serve::Log log;
    std::vector<Probed> peers;           // whom a seal must not reach
    std::function<void(bool)> on_tight;  // limits of others that a guarded site tightens
    AskAttached attached = attached_networks;
    LineFile::Open open_file = LineFile::open_to_read;
    Canaries::Look look_at_canary = look_at;
  };
  // Before the node's thread runs: `node` gets the rules, and is asked for the posture that it starts with.
  static Result<std::unique_ptr<Watch>> open(Parts parts, node::Node& node);
  ~Watch();
  void start();

  // What came by HTTP: one line of a webhook ("" = EVE). guard/bad_alert, guard/unknown_webhook.
  Status take(const std::string& webhook, std::string_view line);
  bool is_token(std::string_view token) const;
  // A request was refused (401, 403, 421, 429); counted.
  void refused(bool sign_in) { ++(sign_in ? failed_sign_ins_ : refused_requests_); }
  // Sealed, and this address is not of the shop's own network.
  bool shuts_out(std::string_view address) const;
  // EVE files of guard.toml; and of those, which are not heard now.
  std::size_t sensor_files() const { return config_.eve_files.size(); }
  std::size_t unreadable_sensor_files() const { return files_->unreadable(); }
  std::string proof() const;  // JSON object; empty: no seal since this start

 private:
  struct Reader {  // a stream connection to the socket
    edge::Descriptor fd;
    std::string half;
  };
  struct Seal {
    bool is_sealed = true;  // what is being done: a seal, or the end of one
    Instant at, asked_at;   // monotonic: links ended; the alert's line was read
    bool by_alert = false;
    std::optional<Instant> done_at;
    std::string helper;  // its answer; empty: not yet, or none
    std::string not_done;
    std::vector<Probed> probed;
    bool was_probed = false;
  };
  Watch(Parts parts, Config config);
  Status open_socket();
  Status open_token();
  void run();
  void raise(Alert alert);
  void take_line(std::string_view line);
  bool is_behind() const;
  void read_datagrams();
  bool read_stream(Reader& reader);
  void read_sockets();
  void look_at_wires();
  void count_refusals();
  void on_posture(Posture posture);
  void order(Posture posture, Instant line_read_at);  // zero: nobody's alert
  void seal_loop();
  bool end_seal_left_over();
  bool carry_out(Posture posture);
  bool wait_recorded();
  void tell_sealed(const Seal& seal);
  static std::string summary(const Seal& seal);

  Parts parts_;
  Config config_;
  std::string token_;
  std::unique_ptr<SensorFiles> files_;
  edge::Descriptor stream_, datagrams_, wake_;
  std::vector<Reader> readers_;
  std::unique_ptr<Tripwires> wires_;
  std::thread thread_, sealer_;
  bool is_silence_told_ = false;  // seal_loop's own
  std::atomic<bool> stopping_ = false;
  std::atomic<int> waiting_alerts_ = 0;  // handed to the node and not yet judged
  std::atomic<std::uint64_t> refused_requests_ = 0, failed_sign_ins_ = 0, bad_lines_ = 0;
  Instant line_read_at_;  // of the alert being judged; on the node's thread

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Posture> ordered_;  // for seal_loop
  std::optional<Seal> seal_;
  Posture posture_ = Posture::open;
  std::atomic<bool> is_sealed_ = false;
  mutable InsideOfSeal inside_;
};

}  // namespace holdfast::guard
