// What has replaced this machine (protocol 5.7), and what of its tail nobody has taken yet.
//
// Lifetime, thread: the journal is looked at in begin() alone. One thread.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "core/chain/chain.h"
#include "core/journal/log.h"

namespace holdfast::node {

class Replaced {
 public:
  // `own`: this machine's journal; null: there is none yet. So much of it is cosigned; nullopt: it is not known, or not
  // any more.
  void begin(const chain::Registration& by, journal::Log* own, std::optional<std::uint64_t> cosigned);
  const std::optional<Origin>& by() const { return by_; }  // nullopt: nobody has
  std::uint64_t kept() const { return kept_; }             // where the tail begins
  std::uint64_t waiting() const { return waiting_; }       // entries not yet taken by anybody
  // `by` says that he has this piece. Several mirrors get the same pieces; each piece counts once, when more say so
  // than may lie, or the new machine.
  void taken(EntryIndex first, std::uint64_t count, const SiteName& by, unsigned lying_mirrors);

 private:
  std::uint64_t kept_here(const chain::Registration& by, journal::Log* own) const;

  std::optional<Origin> by_;
  std::uint64_t cosigned_ = 0;  // of our journal, when it was replaced
  std::uint64_t kept_ = 0;      // and kept, as far as known
  std::uint64_t waiting_ = 0;
  std::map<EntryIndex, std::set<SiteName>> takers_;  // by the first entry of each piece, who says that he has it
};

}  // namespace holdfast::node
