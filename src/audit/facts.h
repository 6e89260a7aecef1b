// The auditor's room: it sees what a client sees (requests, replies, pages), what passes between sites, and the raw
// bytes of disks, and says whether what Holdfast promises is so. It shares no code with what it checks: of core it
// takes the names of things (ids.h), of schema/ the bytes' shapes; journals, notes and trees it reads by its own few
// lines.
//
// This header: what it is told, in its own words.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/ids.h"

namespace holdfast::audit {

using Sha256 = ByteArray<32>;
using Key = ByteArray<32>;

struct WriteId {
  std::uint32_t till = 0;
  IdempotencyKey key;
  auto operator<=>(const WriteId&) const = default;
};
// A request, as far as goods and money go.
struct Asked {
  bool has_happened = false;   // outside, for itself: it is taken whatever a rule says by now (protocol 6.2)
  bool is_by_receipt = false;  // names lines of a receipt, and no goods
  std::int64_t total_minor = 0;
  std::int64_t cash_minor = 0, card_minor = 0;  // approved, less what went out
  std::map<std::string, std::int64_t> units;    // by SKU, thousandths; goods that went out
  std::map<std::string, std::int64_t> levels;   // counted
  std::string movement, partner;                // as Fact's
  std::optional<IdempotencyKey> arrival;
  std::map<std::string, std::int64_t> prices;  // listed, by SKU, millionths
};
// Goods on their way between two sites, by dispatch.
struct Shipment {
  std::string partner;                        // the other site
  std::map<std::string, std::int64_t> units;  // by SKU, thousandths
  bool operator==(const Shipment&) const = default;
};
using Shipments = std::map<IdempotencyKey, Shipment>;
// What a site lists and has, by SKU: what pages say of it, or what its entries give.
struct Goods {
  std::map<std::string, std::int64_t> prices;   // millionths
  std::map<std::string, std::int64_t> on_hand;  // thousandths
  Shipments dispatched, arrived;
  bool operator==(const Goods&) const = default;
};
// A reply that says "taken".
struct Answer {
  std::string machine;  // that gave it
  std::string origin;
  EntryIndex index = 0;
  std::optional<ReceiptNumber> receipt;
};

struct SiteFacts {
  std::string name;
  std::vector<std::string> mirrors;
};
struct ChainFacts {
  std::string chain;
  std::vector<SiteFacts> sites;
  const SiteFacts* find(std::string_view site) const;
};
// Protocol, "Numbers used throughout"; n: mirrors of a journal.
unsigned quorum_of(std::size_t n);
unsigned honest_any_of(std::size_t n);  // r

// A machine and the journal that it writes.
struct MachineFacts {
  std::string name;
  std::string site;
  std::string origin;
  bool is_spare = false;
  Key log{}, cosign{};
  bool is_thief = false;  // not the machine: somebody who has its keys. What he does is held against nobody
};

// Paths of a disk, and what puts each file's bytes, all of them, into the buffer that it is given.
using Files = std::map<std::string, std::function<void(Bytes& into)>>;

// What the pages of a site say when all is at rest, and its disk.
struct Told : Goods {
  std::string machine;
  std::string site;
  Files files;
  std::uint64_t sales = 0, refunds = 0;
  std::int64_t gross_minor = 0, cash_minor = 0, card_minor = 0;
  struct Report {  // the rebuild's
    std::string old_origin;
    std::uint64_t kept = 0;
    std::optional<std::uint64_t> announced;
    std::uint64_t known_lost = 0;
    std::vector<ReceiptNumber> missing;
  };
  std::optional<Report> report;
  std::vector<ReceiptNumber> missing;  // numbers that its series skip
  std::set<std::string> contradicted;  // origins of which it shows two histories
  struct Peer : Goods {
    std::uint64_t sales = 0;
    std::int64_t gross_minor = 0;
    std::size_t held = 0;  // price lists of it that wait for a person
    bool operator==(const Peer&) const = default;
  };
  std::map<std::string, Peer> peers;  // what it says of other sites that it follows
  std::uint64_t unanswered = 0;       // of its tills' writes
};

}  // namespace holdfast::audit
