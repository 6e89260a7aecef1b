// A whole chain in one thread: head office, a warehouse and stores, on simulated disks, network, clocks and entropy.
//
// Shape:  the nodes are the ones that ship (core/node); only the world they are given differs. run_for() delivers what
//         happens in order of simulated time and gives each node its turns. Tills ring sales, keep what was
//         acknowledged and send it again.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/node/node.h"
#include "core/node/spare_copy.h"
#include "sim/disk.h"
#include "sim/net.h"
#include "sim/signatures.h"

namespace holdfast::sim {

class SimSigner final : public Signer {
 public:
  SimSigner(Random& random, Signatures how);  // draws new keys
  Signature sign(KeyUse use, ByteView message) override;
  PublicKey public_key(KeyUse use) override;
  chain::SiteKeys keys();

 private:
  Signatures how_;
  std::map<KeyUse, KeyPair> pairs_;
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
  bool waiting = false;       // sent, no answer yet
  bool is_safe = false;       // the till has been told that it is cosigned, and may forget it
  bool is_forgotten = false;  // its till is lost, and nobody sends it again
  std::string kept_by;        // the machine that acknowledged it last, if its disk has lost nothing since
  bool is_settled() const { return refused || is_safe || is_forgotten; }  // nobody sends it again
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
  bool is_lost = false;                // destroyed: nobody starts it again
  bool has_lost = false;               // its disk was set back or has lost something that it had called durable
  Instant wakes_at;                    // as it was after its last turn
  Instant paused_until;                // it stands still and does not know it; or waits for its disk
  bool is_slow = false;                // …the latter
  std::optional<Error> died_of;
  std::optional<std::uint64_t> power_fails_after;  // so many writes into the next start
  Disk* given_disk = nullptr;                      // what its node gets in front of `disk` and `wire`, if anything
  Net* given_net = nullptr;
  std::optional<std::uint64_t> read_fails_after;  // so many reads into it
  explicit Machine(Random random) : disk(random) {}
};

inline constexpr int rest_seconds_max = 90;  // within which a chain must agree again once all is mended

struct ChainOptions {
  // f: with 0 each journal has three mirrors, with 1 four, and there are at least three stores
  unsigned lying_mirrors = 0;
  Signatures signatures = Signatures::real;
  chain::Bounds bounds;
};

class Chain {
 public:
  Chain(std::uint64_t seed, unsigned stores, ChainOptions options = {});

  Network network;
  Faults faults;                        // what went wrong; its rates are the day's business
  std::uint64_t snapshot_entries = 50;  // small, so that starts meet snapshots
  Duration spare_silence = seconds(3);  // short, so that a day has room for it
  Duration scrub_pause = seconds(600);  // as node::Options'
  const chain::ChainFile& file() const { return file_; }
  Machine& machine(const std::string& name) { return *machines_.at(name); }
  node::Node& node(const std::string& name);
  std::map<std::string, std::unique_ptr<Machine>>& machines() { return machines_; }
  Instant now() const { return network.now(); }
  Random& random() { return random_; }

  Status start(const std::string& name);  // power on
  void kill(const std::string& name);     // power off, disk intact
  void pause(const std::string& name, Duration time);
  void destroy(const std::string& name);  // the machine is gone, and its disk with it
  // A machine that does not run is given an older image of its disk.
  void put_back(const std::string& name, const SimDisk& image);
  // A new machine for the site with a certificate of the recovery keys; it rebuilds when it runs. Its name. Behind a
  // clean point people give up what nobody sends again.
  using CleanPoint = std::optional<std::pair<Origin, std::uint64_t>>;
  std::string rebuild(const SiteName& site, const CleanPoint& clean_point = {});
  // A new version of the chain file on every disk; it counts from each node's next start.
  void revoke(const SiteName& site, std::uint32_t epoch);
  void replace_mirror(const SiteName& site, const SiteName& before, const SiteName& after);
  // The root keys name every certificate that was given out, unless `named` is false.
  void replace_recovery_keys(bool named = true);
  // A second machine for the epoch number that the newest certificate of the site has: a ceremony's mistake.
  std::string rebuild_under_same_number(const SiteName& site);
  // Somebody who has the keys of this machine runs the program on an image of its disk, under its address. The network
  // keeps the copy from everybody, to begin with. Its name.
  std::string copy_of(const std::string& machine, const SimDisk& image);
  // A second machine in the store, with a certificate signed beforehand; it copies from now on. Its name.
  std::string add_spare(const SiteName& site);
  // The same machine, with a certificate for another epoch in place of its own: an unused spare, or one that does not
  // run and was the site in the epoch before.
  void certify_again(const std::string& machine);
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
  // The same write once more, as it was; with the reply that its till holds beside it, if there is one. `why` bites if
  // it is known as taken.
  void send_once_more(const SiteName& store, std::size_t number, bool with_reply, std::optional<Fault> why = {});
  // Its key again, for something else: to be refused.
  void send_other_body(const SiteName& store, std::size_t number);
  // A name on the network for somebody who has the keys of `whose`, and how many words of his have reached a machine,
  // greetings not counted.
  std::string name_for_thief(const Machine& whose);
  std::uint64_t words_of(const std::string& thief) const { return words_of_thieves_.at(thief); }
  // Some of what a machine has said last: what somebody can have recorded.
  const std::deque<Bytes>& recorded(const std::string& machine) { return recorded_[machine]; }
  // A till is lost with what it kept: of its writes, those that it would have sent again are not. How many.
  std::size_t forget_till(const SiteName& store, std::uint32_t till);
  // What tills do all day: what they have not been told is cosigned is sent again, with its reply beside it (8.2).
  void send_again(const SiteName& store);
  // The disk of the machine that serves it is no longer what it acknowledged: of what came before, only what was
  // cosigned, and what tills send again, can be asked of that machine.
  void disk_was_replaced(const SiteName& site);
  // This machine's has lost something of what is on it: it is asked only for what it says from now on.
  void disk_has_lost(const std::string& name);
  // The machine that serves the site now.
  std::string serving(const SiteName& site) const;

  // Laws, at any time; the text of the first one broken, or empty. Of each site's writes only so many are looked at.
  std::string broken_law(std::size_t newest = SIZE_MAX);
  // At the end, when everything is up and healed: also that the chain agrees again.
  std::string broken_at_rest();
  // Once, when broken_at_rest() is empty: the auditor looks at every disk and page.
  std::string broken_in_audit();
  // Second by second, tills send again what they owe, until the chain agrees again; then the auditor looks. `before` is
  // called before each second; what it returns, if anything, ends it. The first law broken, or empty.
  std::string come_to_rest(int seconds_max, const std::function<std::string()>& before = {});
  audit::Auditor& auditor() { return *auditor_; }
  Hash state_hash();  // over all nodes, in order
  std::uint64_t acknowledged() const;
  std::uint64_t cosigned_seen() const { return auditor_->cosigned(); }

 private:
  void build_file(unsigned stores);
  chain::Certificate certify(const SiteName& site, std::uint32_t epoch, const chain::SiteKeys& keys, bool spare,
                             const CleanPoint& clean_point = {});
  std::string ceremony(const SiteName& site, std::uint32_t epoch, std::string name, const CleanPoint& clean_point = {});
  std::unique_ptr<Machine> new_machine(std::string name, const SiteName& site, std::uint32_t epoch);
  Status start_spare(Machine& machine);
  // Of everything that arrives.
  void witness(audit::Auditor::Sent sent, ByteView bytes);
  void turn(Machine& machine);
  Instant wake_of(const Machine& machine) const;
  // What the machine `from` answers to a till's write.
  void take_reply(const std::string& from, const SiteName& store, std::size_t number, const Result<fold::Taken>& taken);
  std::string check_acknowledged(const SiteName& store, std::size_t newest);
  std::string unmended();

  Random random_;
  chain::ChainFile file_;
  std::string file_note_;
  void hand_out_file();
  std::string lagging_mirror(const SiteName& site, const node::Safety& safety);
  ChainOptions options_;
  KeyPair root_, recovery_;
  std::vector<chain::Certified> certificates_;  // given out
  SerialExecutor executor_;
  std::map<std::string, std::unique_ptr<Machine>> machines_;
  std::map<SiteName, std::uint32_t> epochs_;  // given out
  std::map<SiteName, std::string> serving_;
  std::map<SiteName, std::vector<TillWrite>> till_writes_;
  std::map<SiteName, std::map<Sku, UnitPrice>> shown_;  // on the site's tills, last
  std::map<SiteName, std::size_t> open_from_;           // all writes of the site before this one are settled
  std::map<std::string, std::uint64_t> words_of_thieves_;
  std::map<std::string, std::deque<Bytes>> recorded_;
  std::uint64_t heard_ = 0;
  std::unique_ptr<audit::Auditor> auditor_;
  std::string broken_;
};

}  // namespace holdfast::sim
