// What a rebuilt machine must know before it opens its epoch: which mirrors have sealed, what they hold, what is kept.
//
// Shape:  the node sends Seal to every mirror of its site and feeds the answers in; when q have sealed, choose() says
//         which journal and how much of it is kept under the certificate: the largest sealed size ("longest"), or the
//         clean point.
// Errors: recovery/no_quorum: fewer than q mirrors have sealed (who is missing). recovery/no_history: nobody holds the
//         clean point that the certificate names.
// Source: protocol 5.1, 5.2; promise 7.
#pragma once

#include <map>
#include <optional>
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
  std::vector<SiteName> holders;  // mirrors that hold at least kept_size, in the order of the chain file
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
  Result<Choice> choose() const;
  // What the mirrors that have sealed hold or heard announced of choice.old_origin: raises choice.announced and times.
  void add_up(Choice& choice) const;
  const sync::KeyRing& keys() const { return keys_; }

 private:
  Result<Choice> choose(const Origin& old_origin) const;
  const chain::ChainFile& file_;
  chain::Certificate certificate_;
  std::size_t mirrors_;
  sync::KeyRing keys_;
  std::map<SiteName, std::vector<sync::HeldEpoch>> sealed_;
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
