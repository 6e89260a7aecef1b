// A whole chain in one thread: head office, a warehouse and stores, on simulated disks, network, clocks and entropy.
//
// Shape:  the nodes are the ones that ship (core/node); only the world they are given differs. run_for() delivers what
//         happens in order of simulated time and gives each node its turns. Tills ring sales, keep what was
//         acknowledged and send it again.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/node/node.h"
#include "core/node/spare_copy.h"
#include "sim/disk.h"
#include "sim/net.h"

namespace holdfast::sim {

class SimSigner final : public Signer {
 public:
  explicit SimSigner(Random& random);  // draws new keys
  Signature sign(KeyUse use, ByteView message) override;
  PublicKey public_key(KeyUse use) override;
  chain::SiteKeys keys();

 private:
  struct Pair {
    PublicKey open{};
    ByteArray<64> secret{};
  };
  std::map<KeyUse, Pair> pairs_;
};

// Signs notes for root and recovery, which are no site's.
struct SimKey {
  explicit SimKey(Random& random);
  PublicKey open{};
  ByteArray<64> secret{};
  Signature sign(ByteView message) const;
};

class SimClock final : public Clock {
 public:
  explicit SimClock(const Network& network) : network_(network) {}
  Instant now() override { return network_.now() + offset; }
  Instant monotonic() override { return network_.now(); }
  Duration offset;  // this machine's clock is wrong by so much

 private:
  const Network& network_;
};

// What a till holds of a write: the request, and the reply if there was one (protocol 8.2).
struct TillWrite {
  fold::WriteRequest request;
  std::optional<fold::Taken> reply;
  bool refused = false;
  bool waiting = false;  // sent, no answer yet
};

struct Machine {
  std::string name;  // "store-01", "store-01#2" for the machine of the second epoch
  SiteName site;
  std::uint32_t epoch = 1;
  SimDisk disk;
  std::unique_ptr<Wire> wire;
  std::unique_ptr<SimClock> clock;
  std::unique_ptr<SimEntropy> entropy;
  std::shared_ptr<SimSigner> signer;
  std::unique_ptr<node::Node> node;    // null: not running
  std::unique_ptr<node::Spare> spare;  // of a spare that is not promoted
  std::string address;                 // where it listens, if not at its site's address
  bool is_spare = false;               // its certificate is a spare's
  std::optional<Error> died_of;
  std::optional<std::uint64_t> power_fails_after;  // so many writes into the next start
  Disk* given_disk = nullptr;                      // what its node gets in front of `disk` and `wire`, if anything
  Net* given_net = nullptr;
  explicit Machine(Random random) : disk(random) {}
};

class Chain {
 public:
  Chain(std::uint64_t seed, unsigned stores);

  Network network;
  std::uint64_t snapshot_entries = 50;  // small, so that starts meet snapshots
  Duration spare_silence = seconds(3);  // short, so that a day has room for it
  const chain::ChainFile& file() const { return file_; }
  Machine& machine(const std::string& name) { return *machines_.at(name); }
  node::Node& node(const std::string& name);
  std::map<std::string, std::unique_ptr<Machine>>& machines() { return machines_; }
  Instant now() const { return network.now(); }
  Random& random() { return random_; }

  Status start(const std::string& name);  // power on
  void kill(const std::string& name);     // power off, disk intact
  void destroy(const std::string& name);  // the machine is gone, and its disk with it
  // A new machine for the site with a certificate of the recovery keys; it rebuilds when it runs. Its name.
  std::string rebuild(const SiteName& site);
  // A second machine in the store, with a certificate signed beforehand; it copies from now on. Its name.
  std::string add_spare(const SiteName& site);
  // The same unused spare, with a certificate for another epoch.
  void certify_again(const std::string& spare);
  // The paper code is typed: the spare of the site opens in the node's place, whatever the node does.
  Status promote(const std::string& spare);
  void run_for(Duration time);
  // Until the condition holds; false after `limit`.
  bool run_until(const std::function<bool()>& condition, Duration limit);

  // Head office lists products "P0".. with price (i + 1).00.
  void list_products(unsigned count);
  // One sale at a till of the store, kept by the till; answered in a later turn. Returns its number in writes(store).
  std::size_t sell(const SiteName& store, std::uint32_t till, unsigned lines = 1);
  std::size_t submit(const SiteName& store, fold::WriteRequest request);
  fold::WriteRequest a_sale(const SiteName& store, std::uint32_t till, unsigned lines = 1);
  std::vector<TillWrite>& writes(const SiteName& store) { return till_writes_[store]; }
  // What tills do all day: what is not yet cosigned in the present epoch is sent again, with its reply beside it.
  void send_again(const SiteName& store);
  // Its disk is no longer what it acknowledged: only what was cosigned, and what tills send again, can be asked of it.
  void disk_was_replaced(const SiteName& site) { disk_replaced_.insert(site); }
  // The machine that serves the site now.
  std::string serving(const SiteName& site) const;

  // Laws, at any time; the text of the first one broken, or empty.
  std::string broken_law();
  // At the end, when everything is up and healed: also that the chain agrees again.
  std::string broken_at_rest();
  Hash state_hash();  // over all nodes, in order
  std::uint64_t acknowledged() const;
  std::uint64_t cosigned_seen() const { return cosigned_.size(); }

 private:
  void build_file(unsigned stores);
  chain::Certificate certify(const SiteName& site, std::uint32_t epoch, const chain::SiteKeys& keys, bool spare);
  std::unique_ptr<Machine> new_machine(std::string name, const SiteName& site, std::uint32_t epoch);
  Status start_spare(Machine& machine);
  void turn(Machine& machine);
  void watch(const std::string& from, ByteView bytes);
  std::string check_acknowledged(const SiteName& store);

  Random random_;
  chain::ChainFile file_;
  std::string file_note_;
  std::unique_ptr<SimKey> root_, recovery_;
  SerialExecutor executor_;
  std::map<std::string, std::unique_ptr<Machine>> machines_;
  std::map<SiteName, std::uint32_t> epochs_;  // given out
  std::map<SiteName, std::string> serving_;
  std::map<SiteName, std::vector<TillWrite>> till_writes_;
  std::map<std::pair<std::string, std::uint64_t>, Hash>
      cosigned_;  // (origin, size) -> root, of every cosigned note on the wire
  std::set<SiteName> disk_replaced_;
  std::string broken_;
};

}  // namespace holdfast::sim
