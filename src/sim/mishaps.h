// What goes wrong on a simulated day, and what people do about it: machines that stopped are started again, lost ones
// rebuilt, links healed, thieves' keys replaced.
//
// Shape:  step() is called once a step of the day; each fault that is due fires, if the world is such that people could
//         still mend it. One machine at a time is down, missing or in rebuild, and one lies where the chain bears it,
//         so that a quorum of mirrors comes within reach again; and a site is lost only while no more than f of its
//         mirrors lie or have lost what they stored and not taken it up yet, which is what cosigning promises to bear.
//         A mirror that is behind, cut off or without power is no reason to spare anybody.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/chain.h"
#include "sim/thief.h"

namespace holdfast::sim {

struct MishapOptions {
  unsigned stores = 4;
  unsigned steps = 300;
  unsigned calm = 1;
  unsigned lying_mirrors = 0;
  bool trace = false;
};

class Mishaps {
 public:
  Mishaps(Chain& chain, Random random, const MishapOptions& options);

  // A machine that is meant to run from now on; restarted when it dies of a fault.
  void watch_over(const std::string& name) { meant_to_run_.insert(name); }
  void has_spare(const SiteName& store, const std::string& spare) { spares_[store] = spare; }

  // The first law broken, or empty.
  std::string step();
  // Everything heals, and what can run runs.
  std::string end_all();

 private:
  struct Lasting {
    Instant until;
    std::function<void()> end;
  };

  void fire(Fault fault);
  void fire_disk(Fault fault);
  void fire_net(Fault fault);
  void fire_machine(Fault fault);
  void fire_keys(Fault fault);
  void fire_people(Fault fault);
  // mishaps_machines.cc
  void power_cut(std::optional<Fault> in_a_write);
  void fail_once(Fault fault);
  void forget_writes();
  void damage(Fault fault);
  void fill_disk();
  void slow_disk();
  void jump_clock();
  void put_back_old_image();
  void say_last_words(const SiteName& site);
  void lose(bool is_alive);
  bool may_be_promoted(const SiteName& store);
  void promote();
  // mishaps_people.cc
  void cut_way(Fault fault);
  void cut_for_now(const std::string& a, const std::string& b);
  void send_again(Fault fault);
  void lose_till();
  void rebuild_twice();
  void begin_again(const SiteName& site, const std::string& name);
  void cut_link();
  void open_link(const SiteName& a, const SiteName& b);
  void open_what_old_disk_shuts(const SiteName& site);
  void seal();
  void unseal(const SiteName& site);
  // mishaps_thieves.cc
  void sign_second_history();
  void use_keys_of_store(Fault fault);
  void offer_old_epoch();
  void lie_as_mirror(Fault fault);
  void end_lie(Fault fault, const Thief& thief);
  std::vector<sync::Message> old_words_of(const std::string& machine);
  void mend_stolen();
  void rebuild_contradicted();
  bool may_be_rebuilt_from(const chain::Site& site, const Origin& origin, std::uint64_t size);
  void rebuild_what_spares_opened();

  void mend();
  void mend_damaged();
  void watch_repair(Machine& m);
  void replace_damaged(const std::string& name);
  void start_again(const std::string& name);
  void check_death(const std::string& name);
  void take_away(const std::string& name);
  // has_last_words: one mirror alone holds what it has signed last.
  void replace(const SiteName& site, const Chain::CleanPoint& clean_point = {}, bool has_last_words = false);
  void choose_clean_point();
  void isolate_old();

  void tell(const std::string& what);
  void lasts(Duration shortest, Duration longest, std::function<void()> end);
  Duration between(Duration shortest, Duration longest);
  Random& random() { return streams_[stream_]; }
  SiteName any_site();
  SiteName any_store();
  std::string name_at(const SiteName& site) { return chain_.serving(site); }
  bool runs(const SiteName& site);
  bool is_quiet() const { return !down_ && !rebuilding_ && !damaged_ && !stolen_; }
  bool is_signing(const SiteName& site);
  std::uint64_t held_at(const SiteName& mirror, const Origin& origin);  // 0 if it does not run
  bool is_contradicted(const Origin& origin);                           // somebody knows two histories of it
  bool comes_back(const SiteName& site);  // what was cosigned of it is still to be had if its disk is lost
  // …and its disk may be lost: nobody else needs it now.
  bool may_be_lost(const SiteName& site);
  // Likewise, and it is rebuilt on a new machine; a store with a spare is not, its spare would wait for nothing.
  bool may_be_replaced(const SiteName& site);
  bool counts_for(const SiteName& mirror, const SiteName& owner);
  // Mirrors of the site that lie, or have lost what they stored and do not hold so much of its journal again, or do not
  // count for it yet (4.6).
  unsigned bad_mirrors(const SiteName& site);

  Chain& chain_;
  std::vector<Random> streams_;  // of each kind of fault, so that leaving one out leaves the others as they are
  std::size_t stream_ = 0;       // of the one that fires
  MishapOptions options_;
  std::string broken_;
  std::vector<Lasting> lasting_;
  std::set<std::string> meant_to_run_;
  std::map<std::string, Instant> starts_at_;  // died of its disk, and started again then
  std::set<SiteName> set_back_;               // sites of which a machine has lost something that it had stored
  std::set<std::string> replaced_;            // machines of epochs that a registered one has followed
  std::optional<SiteName> down_;
  Instant up_again_;
  std::optional<std::string> rebuilding_;
  std::optional<std::string> away_;  // a mirror that the rebuilding machine does not reach at first
  std::optional<std::string> old_alive_;
  Instant old_back_;
  struct Damaged {
    SiteName site;
    Fault fault;
    std::optional<Instant> started_at = {};  // again
    bool has_bitten = false;                 // and was counted
  };
  std::optional<Damaged> damaged_;
  struct Stolen {  // its keys are, and there is a second history
    Origin origin;
    Instant until;
  };
  std::optional<Stolen> stolen_;
  std::optional<Instant> waits_for_people_since_;   // a rebuild: nobody can tell which of two histories was cosigned
  Instant next_look_;                               // at who waits for whom
  std::optional<Instant> waits_for_fellows_since_;  // a mirror that has come back, for one that a spare has opened
  std::optional<SiteName> liar_;
  std::unique_ptr<SimDisk> image_;
  std::string image_of_;
  std::map<SiteName, std::string> spares_;
  unsigned lost_ = 0, lost_max_ = 0, step_ = 0;
};

// A fault of a machine's disk: the machine ends, and is started again.
inline bool is_of_the_disk(const Error& error) { return error.code.starts_with("base/disk"); }

}  // namespace holdfast::sim
