// Journals as they lie on a disk (docs/journal-format.md), and what their entries say (schema/events.fbs).
#pragma once

#include <set>

#include "audit/facts.h"

namespace holdfast::audit {

struct Journal {
  std::string origin;
  std::vector<Bytes> entries;
  std::vector<Bytes> aside;                // set aside by a rewind
  std::vector<std::vector<Bytes>> beside;  // other histories of it that lie beside this one
};
Sha256 sha256_of(ByteView bytes);
// Of every journal below journals/ of this disk, what stands before the first torn or damaged place that no mend stands
// in for; by origin.
std::map<std::string, Journal> read_journals(const Files& files);
// Roots of the first `size` entries, for each size that the journal reaches (RFC 6962 section 2.1).
std::map<std::uint64_t, Sha256> roots_at(const std::vector<Bytes>& entries, const std::set<std::uint64_t>& sizes);
inline std::map<std::uint64_t, Sha256> roots_at(const Journal& journal, const std::set<std::uint64_t>& sizes) {
  return roots_at(journal.entries, sizes);
}

// A prefix of another site's journal that an entry takes in, or a journal of it that has ended and another goes on.
struct Prefix {
  std::string origin;
  std::uint64_t size = 0;
  Sha256 root{};
};
struct Succeeded {
  Prefix kept;
  std::string by;  // origin
};

// What an entry says.
struct Fact {
  enum class Kind { epoch_opened, sale, refund, moved, listed, other };
  Kind kind = Kind::other;
  std::optional<WriteId> write;  // of what was taken, or listed
  std::optional<ReceiptNumber> receipt;
  std::int64_t total_minor = 0, lines_minor = 0, tendered_minor = 0, change_minor = 0, cash_minor = 0, card_minor = 0;
  std::map<std::string, std::int64_t> units;   // goods that went out
  std::map<std::string, std::int64_t> levels;  // counted, or told by an old system: what lies here now
  std::optional<IdempotencyKey> arrival;       // of which dispatch; it arrives once
  bool is_dispatch = false;                    // its id is its write's key
  std::string movement, partner;               // how goods moved, and the site to which or from which
  std::map<std::string, std::int64_t> prices;  // listed here, by SKU, millionths
  std::string registration;                    // of an epoch
  std::vector<Prefix> followed;
  std::optional<Succeeded> succeeded;
  std::optional<std::uint64_t> series;  // that a start opens
  bool is_again = false;                // re-submitted or re-admitted
  std::string prior_origin;             // …where it stood before
  std::uint64_t prior_index = 0;
  std::optional<ReceiptNumber> printed;  // …with another number than it has here
};
std::optional<Fact> read_entry(ByteView entry);
void take_goods(Goods& goods, const Fact& fact);  // that was taken; a dispatch arrives once

// What an epoch says it continues: the registration in its entry 0.
struct Continues {
  std::string origin;
  std::uint64_t size = 0;
};
std::optional<Continues> continued_by(const std::string& registration);

// The entries that a site's newest journal on this disk stands for, older epochs' kept parts first.
struct Lineage {
  std::string newest;                                        // origin; empty: there is none
  std::map<std::string, std::uint64_t> kept;                 // origin -> entries of it
  std::vector<std::pair<std::string, std::uint64_t>> parts;  // the same, in the order of the facts
  std::vector<Fact> facts;                                   // of each entry one
  std::string problem;                                       // a part that is not on this disk, or cannot be read
};
Lineage lineage_to(const std::map<std::string, Journal>& journals, const std::string& origin, std::uint64_t size);
Lineage lineage_of(const std::map<std::string, Journal>& journals, std::string_view chain, std::string_view site);

}  // namespace holdfast::audit
