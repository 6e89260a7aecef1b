// What a node knows of one link: of the connection, of the site at its other end, and of the spare in its own store.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/base/world.h"
#include "core/chain/chain.h"
#include "core/sync/messages.h"

namespace holdfast::node {

// What one session asked us to send of one journal. One chunk is under way at a time; Have asks for the next.
struct Feed {
  std::uint64_t have = 0;
  std::uint64_t limit = 0;
  bool under_way = false;
};

// What one session is still to be shown of tails. One piece is under way at a time, so that neither side has to keep
// all of it in memory; its answer, TailTaken or Refused, lets the next go. All is shown again after the next Hello.
struct TailsDue {
  struct UnderWay {
    sync::TailTaken answer;  // that is waited for
    std::string kept_at;     // the piece's path, if it was kept here
  };
  std::optional<EntryIndex> own;         // of a machine that was replaced: its next entry; nullopt: not begun
  std::deque<std::string> kept;          // paths of pieces that were kept here for his site
  std::map<Origin, EntryIndex> surplus;  // of older epochs of his: the next entry that we hold
  std::optional<UnderWay> under_way;
};

// The answer to a piece of a tail of ours: due when so many entries of our journal are cosigned.
struct TakenDue {
  std::uint64_t size = 0;
  sync::TailTaken answer;
};

// One connection, from its beginning to its end.
struct Session {
  ConnectionId id = 0;
  PublicKey tls{};
  bool dialled_here = false;
  std::optional<SiteName> site;  // once Hello was accepted
  std::uint32_t epoch = 0;
  bool rebuilding = false;  // holds a certificate, not yet a registration
  bool is_asking = false;   // the owner of a journal for which we do not count: may have less than our fellows (4.6)
  bool superseded = false;  // an older epoch of its site: only its tail is taken
  bool candidate = false;   // a promoted spare that is not registered: may ask to be, and nothing else
  bool own_spare = false;   // of our own site: gets the copy
  std::map<Origin, Feed> feeds;
  std::map<Origin, std::uint64_t> asked_from;  // of each journal that we want of him: where our last question began
  std::optional<sync::Missing> missing;        // asked for, and not answered yet
  TailsDue tails;
  std::deque<TakenDue> taken_due;
  std::set<SiteName> asked_of;  // journals of whose mirrors this one was asked; only an answer counts (4.6)
};

// One site that the chain file links with us, linked now or not.
struct Peer {
  SiteName site;
  std::optional<ConnectionId> session;
  std::optional<ConnectionId> dialling;
  Instant redial_at;                // monotonic
  std::optional<Instant> heard_at;  // UTC
  std::optional<Instant> heard_monotonic;
  std::optional<sync::Heartbeat> beat;  // newest
  // of a mirror of ours
  std::optional<std::uint64_t> held;
  std::optional<sync::Known> told;  // its answer to Ask about us, since this start
};

// The spare in this store, as we know it (10.1).
struct OwnSpare {
  chain::Certificate certificate;
  std::optional<ConnectionId> session;
  std::optional<Instant> heard_at, heard_monotonic;
  std::uint64_t held = 0;
  std::uint64_t noted = 0;  // size of the newest checkpoint sent
  bool has_asked = false;   // waits for entries; one piece is under way at a time
  bool has_told = false;    // what it holds of our journal, since our start
};

}  // namespace holdfast::node
