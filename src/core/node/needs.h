// What must come onto this disk before a state of ours can be folded: our earlier epochs, and every prefix of a peer
// that our journals have followed (protocol 7.2). Who is asked for it, and when, is told in rebuild.cc.
//
// Shape:  of each origin so many entries with this root; of several namings the longest counts.
// Errors: note(), discover(): an entry that is no event, or a registration that does not hold; what was noted before it
//         stays noted.
// Lifetime, thread: chain file, keys and executor outlive it. One thread.
// Source: protocol 7.2.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/base/world.h"
#include "core/chain/chain.h"
#include "core/fold/event.h"
#include "core/journal/log.h"
#include "core/sync/keyring.h"

namespace holdfast::node {

inline constexpr Duration retry_interval = seconds(2);
inline constexpr Duration patience_max = seconds(32);  // with who is slow to give a piece

struct Need {
  std::uint64_t size = 0;
  std::optional<Hash> root;
  bool met = false;
  std::optional<EntryRef> named_by;  // of an older journal of ours
  // Who was asked last, and when (monotonic; 0: is to be asked now). Another is asked after `patience`, which grows
  // with what a piece takes: over a slow line each question more would bring the same piece once more.
  Instant asked_at;
  std::optional<SiteName> asked;
  std::size_t asks = 0;
  Duration patience = retry_interval;
  void gave(Instant now, const SiteName& by) {
    if (asked_at.unix_ns != 0) patience = std::clamp({4 * (now - asked_at).ns}, patience, patience_max);
    asked_at = now;
    asked = by;
  }
  void left(const SiteName& site) {  // with him, what he was asked for; the next is asked at once
    if (asked != site) return;
    asked.reset();
    asked_at = {};
    patience = retry_interval;
  }
  // How far it had come when it last grew or began anew, and since when each who was asked has given nothing;
  // monotonic.
  std::uint64_t reached = 0;
  std::map<SiteName, Instant> silent_since;
  // Once a rebuild has been given what is not it, one gives all of it.
  bool is_from_one = false;
  std::optional<SiteName> from;
  std::set<SiteName> givers = {};  // of what is here, since it was begun anew
  std::set<SiteName> unfit = {};   // gave all of it, and that was not it
  bool others_gave = false;        // none of those within reach gave it…
  Instant again_at;                // …and they are asked again
};

class Needs {
 public:
  // `own`: our site. Registrations that are found on the way are added to the keys.
  Needs(const SiteName& own, const chain::ChainFile& chain, sync::KeyRing& keys, Executor& executor)
      : own_(own), chain_(chain), keys_(keys), executor_(executor) {}

  void add(const Origin& origin, std::uint64_t size, const Hash& root, std::optional<EntryRef> by = {});
  Need& begin(const Origin& origin) { return all_[origin] = {}; }  // the caller fills it in
  // What this event of ours, or this whole journal of ours, rests on.
  Status note(const fold::Event& event, const EntryRef& at);
  Status discover(journal::Log& log, std::uint64_t size);
  // What is named of anything else is folded by nobody.
  bool is_of_a_peer(const Origin& o) const { return o.site != own_ && o.chain == chain_.chain; }

  bool are_met() const;
  bool empty() const { return all_.empty(); }
  bool contains(const Origin& origin) const { return all_.contains(origin); }
  Need* find(const Origin& origin);  // null: nothing of it; valid until clear()
  std::map<Origin, Need>& all() { return all_; }
  void left(const SiteName& site);  // his link has ended
  void clear() { all_.clear(); }

  // The log key of an epoch that counts no longer: for entries that are needed and known by their root, and nothing
  // else.
  std::optional<PublicKey> former_key(const Origin& origin) const;

 private:
  SiteName own_;
  const chain::ChainFile& chain_;
  sync::KeyRing& keys_;
  Executor& executor_;
  std::map<Origin, Need> all_;
  std::map<Origin, PublicKey> former_keys_;
};

}  // namespace holdfast::node
