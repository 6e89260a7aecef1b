// One law, and what every law is shown.
//
// Shape:  laws are told in the order in which things happened. A law counts how often it was really asked
//         (`exercised`): one that stays at 0 has checked nothing. `broken` is the first breach, in words for people.
#pragma once

#include <memory>
#include <set>

#include "audit/journals.h"
#include "audit/notes.h"

namespace holdfast::fbs {
struct Message;
}

namespace holdfast::audit {

// A note that is called cosigned, and who has really signed it.
struct CosignedNote {
  Checkpoint checkpoint;
  bool is_owners = false;
  std::size_t mirrors = 0, needed = 0;
  std::map<std::string, Bytes> by;  // machine -> its cosignature; of each mirror one
  bool holds() const { return is_owners && mirrors >= needed; }
};
// A message that one machine has sent another and that has arrived.
struct Letter {
  const MachineFacts* from = nullptr;
  const MachineFacts* to = nullptr;
  std::int64_t sent_ns = 0, now_ns = 0;
  std::uint64_t connection = 0;
  bool finds_sleeper = false;
  const fbs::Message* message = nullptr;
};

// What all laws know: who is who, and what was seen so far.
struct Evidence {
  ChainFacts chain;
  std::map<std::string, MachineFacts> machines;
  std::map<std::string, std::map<WriteId, Asked>> asked;            // by site
  std::map<std::string, std::map<WriteId, Answer>> answered;        // by site: the newest answer
  std::map<std::string, std::set<WriteId>> forgotten;               // by site: their tills are lost
  std::map<std::string, std::uint64_t> given_up;                    // by origin: from where on, by people
  std::map<std::string, std::map<std::uint64_t, Sha256>> cosigned;  // by origin: of notes that q mirrors have signed
  std::set<std::string> overrun;  // sites of which more than f mirrors lie: what is promised then is the proof of it
  bool is_given_up(const std::string& origin, EntryIndex index) const;
  const Lineage& lineage_of_site(const std::string& site) const;
  // At rest only.
  std::vector<Told> told;
  std::map<std::string, std::map<std::string, Journal>> disks;  // by site: of the machine that serves it
  std::map<std::string, Lineage> lineages;                      // by site
};

class Law {
 public:
  virtual ~Law() = default;
  virtual std::string_view name() const = 0;
  virtual void answered(const std::string& /*site*/, const WriteId&, const Answer&) {}
  virtual void heard(const Evidence&, const Letter&) {}
  // A note that nobody has called cosigned before: its owner (Cosigned), or a mirror that proves what it holds (Known).
  virtual void called_cosigned(const Evidence&, const MachineFacts& /*by*/, const CosignedNote&) {}
  virtual void started(const std::string& /*machine*/, std::int64_t /*now_ns*/) {}
  // Its disk is not what it was: gone, an older image, damaged. What it has said rests on nothing any more.
  virtual void set_back(const MachineFacts&, std::int64_t /*now_ns*/) {}
  virtual void cut(const std::string& /*machine*/, const std::string& /*site; empty: all*/, std::int64_t /*now_ns*/) {}
  virtual void healed(const std::string& /*machine*/, const std::string& /*site; empty: all*/) {}
  // The disk of a machine that does not run.
  virtual void looked_at(const MachineFacts&, const std::map<std::string, Journal>&) {}
  virtual void at_rest(const Evidence&) {}
  // Whether it is still asked at rest when more than f mirrors of some site have lied.
  virtual bool outlives_fraud() const { return false; }

  std::uint64_t exercised = 0;
  std::string broken;

 protected:
  void breach(std::string what) {
    if (broken.empty()) broken = std::string(name()) + ": " + std::move(what);
  }
};

// One file each, in laws/.
std::unique_ptr<Law> acknowledged_is_kept();
std::unique_ptr<Law> cosigned_is_kept();
std::unique_ptr<Law> mirror_holds_what_it_signed();
std::unique_ptr<Law> quorum_has_signed();
std::unique_ptr<Law> nothing_twice();
std::unique_ptr<Law> receipts_have_no_gap();
std::unique_ptr<Law> cut_passes_nothing();
std::unique_ptr<Law> started_node_asks();
std::unique_ptr<Law> epochs_are_given_once();
std::unique_ptr<Law> money_and_stock_add_up();
std::unique_ptr<Law> known_lost_is_lost();
std::unique_ptr<Law> followers_agree();
std::unique_ptr<Law> all_is_well_at_the_end();

}  // namespace holdfast::audit
