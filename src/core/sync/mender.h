// Puts back what cannot be read of the journals kept here (protocol 2.4): asks others for it, proves it, and tells.
//
// Shape:  one Mender for all journals of a machine. turn() is called for each of them, again and again; it asks one
//         holder at a time for one piece at a time. When that one is silent, or has no more, the next one is asked for
//         the rest: what one copy lacks another may have. take() is what came. What is held in memory until it is
//         proven is bounded, for all journals together (held_bytes_max).
// Errors: base/disk_*: fatal. Everything else is told by what take_told() gives.
// Thread: one.
// Source: protocol 2.4; Alagappan et al., Protocol-Aware Recovery for Consensus-Based Storage, FAST 2018.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/journal/log.h"
#include "core/sync/messages.h"

namespace holdfast::sync {

// With one holder and one piece. Where somebody did not keep to it, twice as long, up to the second: a slow line is not
// a silent holder, and what is asked twice comes twice.
inline constexpr Duration give_patience = seconds(2), give_patience_max = seconds(32);
inline constexpr std::uint64_t hash_on_bytes = 2u << 20;  // a turn, behind a hole that was mended
inline constexpr std::size_t held_bytes_max = 256u << 20;
inline constexpr std::size_t found_entries_max = 50'000;  // of one message

struct MendTold {
  enum class What {
    found,
    mended,
    lied,        // by `from`, alone
    unprovable,  // nothing that was signed reaches it, or all who are there give more than can be held: it stays
    refuted,     // what is on the disk, holes filled, does not have the root that was signed
    whole,       // nothing of this journal is missing any more, and its tree is known
  } what = What::found;
  Origin origin;
  journal::Hole hole;
  std::uint64_t bytes = 0;          // mended: of the entries fetched
  std::vector<SiteName> from = {};  // mended, lied: who gave them
};
std::string to_text(const MendTold& told);
// "entry 7 of …", "entries 7 to 9 of …", "a checkpoint of … behind entry 6".
std::string to_text(const Origin& origin, const journal::Hole& hole);

class Mender {
 public:
  using Ask = std::function<void(const SiteName&, const Missing&)>;
  // `holders`: who may have this journal and can be asked now. `hash_bytes`: what is hashed at most in this call.
  Status turn(journal::Log& log, std::span<const SiteName> holders, Instant monotonic, const Ask& ask,
              std::uint64_t hash_bytes = hash_on_bytes);
  void take(const SiteName& from, Found found);
  bool has_told() const { return !told_.empty(); }
  std::vector<MendTold> take_told() { return std::exchange(told_, {}); }
  void tell_found(const Origin& origin, const journal::Hole& hole);  // by a scrub
  void forgive() { liars_.clear(); }
  // Since the last call something was hashed, and there is more: turn() should be called again soon.
  bool take_goes_on() { return std::exchange(goes_on_, false); }

 private:
  // Who alone has given more of these holes than can be held. He may lie, or there may be so much: he is asked again
  // when the holes are others, and if somebody else gives what proves right, he has lied.
  struct TooMuch {
    std::vector<journal::Hole> of;
    std::set<SiteName> by;
    std::size_t by_several = 0;  // how often several have together; of them nobody knows
  };
  // Holes of one journal that are proven together.
  struct Case {
    std::vector<journal::Hole> holes;
    std::vector<journal::Piece> pieces;
    std::vector<SiteName> asked;   // in this try; the last is waited for
    std::vector<SiteName> givers;  // of them, those who gave
    bool goes_on = false;          // the last has given all that fits one message, and is asked for more
    bool has_answered = false;     // the last that was asked
    bool is_slow = false;          // somebody has not, in this try
    Duration patience = give_patience;
    Instant wait_until;  // monotonic
    std::size_t tries = 0;
    std::size_t bytes = 0;
    TooMuch too_much;
    bool is_told_hopeless = false;

    void begin(std::vector<journal::Hole> wanted);
    journal::Piece* unfinished();
    journal::Hole hole_of(const journal::Piece& piece) const;
  };
  Status go_on_hashing(journal::Log& log, Case& c, std::uint64_t bytes);
  std::optional<SiteName> giver_for(const Case& c, const std::vector<SiteName>& honest) const;
  static void take_too_much(Case& c, Instant monotonic);
  Status put_back(journal::Log& log, Case& c, Instant monotonic);
  void tell_hopeless(const journal::Log& log, Case& c, MendTold::What what);
  void tell_all(const journal::Log& log);
  std::size_t held_bytes() const;

  std::map<Origin, Case> cases_;
  std::map<Origin, std::set<SiteName>> liars_;    // since the start
  std::map<Origin, std::set<EntryIndex>> known_;  // holes that were told
  std::vector<MendTold> told_;
  bool goes_on_ = false;
};

// The answer to Missing from this log (null: none here), up to `limit` entries of it and about chunk_bytes.
Found found_in(journal::Log* log, const Missing& missing, std::uint64_t limit);

}  // namespace holdfast::sync
