// What a rebuilt machine must know before it opens its epoch: which mirrors have sealed, what they hold, what is kept.
//
// Shape:  the node sends Seal to every mirror of its site and feeds the answers in; when q have sealed, choose() says
//         which journal and how much of it is kept under the certificate: the longest sealed history, or the clean
//         point. The node fetches that, says with fetched() which roots it has, and asks again: a choice that
//         is_settled may be registered, any other is the next to be fetched. Mirrors all hold one history as a rule,
//         and then the first choice is it.
// Two histories: signed under one key, by a thief or by a node on an old disk (3.1). A checkpoint that was cosigned has
//         q signers; whoever of them is honest and has sealed holds it, which makes at least q + k - n - f of the k
//         answers (1 or more). So a history is kept when (1) every checkpoint that a mirror has shown with its quorum
//         of cosignatures is of it, and (2) fewer than that many mirrors hold something that it does not, leaving out
//         those whose history contradicts a cosigned checkpoint: what can be cosigned of theirs stands before that.
//         Nothing cosigned is left behind then, whatever f mirrors say and whoever has the key. If both histories may
//         have been cosigned, nobody here can tell: recovery/two_histories.
// Errors: recovery/no_quorum: fewer than q mirrors have sealed (who is missing). recovery/no_history: nobody holds the
//         clean point that the certificate names. recovery/two_histories: see above; the text says what people can do.
//         recovery/unfit_mirrors: more than f mirrors cannot give what they say that they hold.
//         recovery/unreadable_mirror: without one whose copy has a hole, the others that have sealed are too few.
// Source: protocol 5.1, 5.2; promise 7.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/chain/chain.h"
#include "core/sync/keyring.h"
#include "core/sync/messages.h"

namespace holdfast::recovery {

struct Choice {
  Origin old_origin;
  std::uint64_t kept_size = 0;
  Hash kept_root{};  // of kept_size, as its owner signed it; of the clean point: computed after fetching
  bool root_is_signed = true;
  bool is_settled = false;  // may be registered; else: to be fetched and compared
  // Mirrors that have shown this very size and root (clean point: that size or more), in the order of the chain file.
  std::vector<SiteName> holders;
  // The report's first lines. 0: nobody heard it since they started.
  std::uint64_t announced = 0;
  Instant announced_at;
  Instant heard_at;
};

class Rebuild {
 public:
  Rebuild(const chain::ChainFile& file, chain::Certificate certificate);

  const chain::Certificate& certificate() const { return certificate_; }
  // An answer to Seal. Answers that do not belong here are ignored; notes count only with their owner's signature.
  void sealed(const SiteName& mirror, const sync::Known& known);
  std::size_t sealed_count() const { return sealed_.size(); }
  bool has_sealed(const SiteName& mirror) const { return sealed_.contains(mirror); }
  bool all_sealed() const { return sealed_.size() == mirrors_; }
  // A mirror that has sealed holds entries of the epoch that is to begin: this machine has begun it once already.
  bool is_begun() const;
  // `keys`: of mirrors too; says whose cosignatures count.
  Result<Choice> choose(const sync::KeyRing& keys) const;
  // Sizes of this journal of which somebody has named a root.
  std::set<std::uint64_t> named_sizes(const Origin& origin) const;
  // A history of this journal is here: its size, and its root at each named size up to that.
  void fetched(const Origin& origin, std::uint64_t size, std::map<std::uint64_t, Hash> roots);
  // It has not given what it says that it holds: a liar, or as good as one.
  void unfit(const SiteName& mirror) { unfit_.insert(mirror); }
  // It gives no more of what it says that it holds: its disk has lost some of it. What is kept is chosen without it,
  // where the others make at least one honest holder of anything cosigned; what it alone holds is a tail later.
  void gives_no_more(const SiteName& mirror) { unreadable_.insert(mirror); }
  // What the mirrors that have sealed hold or heard announced of choice.old_origin, as its owner has signed it: raises
  // choice.announced and times.
  void add_up(Choice& choice) const;
  const sync::KeyRing& keys() const { return keys_; }  // of this site's epochs

 private:
  struct Head {  // what a mirror holds, as its owner signed it
    std::uint64_t size = 0;
    Hash root{};
    bool operator==(const Head&) const = default;
  };
  struct Fetched {
    Origin origin;
    std::uint64_t size = 0;
    std::map<std::uint64_t, Hash> roots;
    bool holds(const Head& head) const;
  };
  struct Shown {                    // of one journal
    std::map<SiteName, Head> held;  // by fit mirrors that hold any of it
    std::vector<Head> cosigned;     // the shorter first
    std::size_t unfit = 0;
    std::size_t unreadable = 0;
  };
  Shown shown(const Origin& origin, const sync::KeyRing& keys) const;
  std::optional<journal::SignedCheckpoint> opened(const Origin& origin, const std::string& note) const;
  // Of those who have cosigned anything, so many at least are honest, have sealed and can be read; 0 or less: none may
  // be.
  std::ptrdiff_t honest_holders(const Shown& shown) const;
  bool keeps_all_cosigned(const Fetched& history, const Shown& shown) const;
  Result<Choice> choose(const Origin& old_origin, const sync::KeyRing& keys) const;
  Result<Choice> choose_clean_point(const sync::KeyRing& keys) const;
  Choice choice_of(const Origin& origin, const Head& head, const Shown& shown) const;
  void take_announced(Choice& choice) const;

  const chain::ChainFile& file_;
  chain::Certificate certificate_;
  std::size_t mirrors_;
  sync::KeyRing keys_;
  std::map<SiteName, std::vector<sync::HeldEpoch>> sealed_;
  std::map<std::string, std::set<SiteName>> shown_by_;  // certificates of epochs between, and who has registered them
  std::set<SiteName> unfit_, unreadable_;
  std::vector<Fetched> fetched_;
};

// What is kept of a rebuild on disk, for the report; the rest of it is in the state.
struct Record {
  Choice choice;
  std::uint64_t entries_fetched = 0;
  std::uint64_t bytes_fetched = 0;
};
inline constexpr std::string_view record_path = "recovery.hfr";
inline constexpr std::string_view registration_path = "registration.note";
Bytes encode(const Record& record);
Result<Record> decode_record(ByteView bytes);  // recovery/bad_record

}  // namespace holdfast::recovery
