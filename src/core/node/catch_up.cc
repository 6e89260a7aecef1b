#include "core/node/catch_up.h"

#include <span>
#include <utility>

namespace holdfast::node {

Result<CatchUp> CatchUp::begin(sync::Replica& own, const SiteName& from, journal::SignedCheckpoint target,
                               Instant monotonic) {
  if (!own.is_hashed()) return fail("journal/damaged", "what lies before is not known; it comes back first");
  journal::Log& log = own.log();
  CatchUp out;
  out.from_ = from;
  out.base_ = own.signed_size();
  out.target_ = std::move(target);
  out.tree_ = log.mark().tree;
  out.asked_at_ = monotonic;
  HF_TRY_VOID(out.tree_.truncate(out.base_, [&log](std::uint64_t first, std::span<Hash> into) {
    return log.scan(first, first + into.size(), [&](EntryIndex index, ByteView body) -> Status {
      into[index - first] = leaf_hash(body);
      return {};
    });
  }));
  return out;
}

CatchUp::Took CatchUp::take(const sync::Entries& m, const PublicKey& own_key, Instant monotonic) {
  if (m.first != have()) return Took::late;
  const std::uint64_t end = have() + m.entries.size();
  auto note = journal::open_checkpoint(m.note, own_key);
  std::size_t bytes = 0;
  for (const Bytes& e : m.entries) {
    tree_.append(leaf_hash(e));
    bytes += e.size();
  }
  const journal::Checkpoint& target = target_.checkpoint;
  const bool is_proven = note && note->checkpoint == journal::Checkpoint{target.origin, end, tree_.root()};
  if (!is_proven || end == have() || end > target.size || (end == target.size && note->checkpoint.root != target.root))
    return Took::none;
  entries_.insert(entries_.end(), m.entries.begin(), m.entries.end());
  notes_.push_back(std::move(*note));
  // Who drips gives nothing: his turn is over, and another is asked.
  bytes_since_ += bytes;
  if (bytes_since_ >= sync::chunk_bytes / 4) {
    asked_at_ = monotonic;
    bytes_since_ = 0;
  }
  is_complete_ = end == target.size;
  return is_complete_ ? Took::all : Took::piece;
}

int CatchUpGivers::times_nothing(const SiteName& site) const {
  const auto times = gave_nothing_.find(site);
  return times == gave_nothing_.end() ? 0 : times->second;
}

}  // namespace holdfast::node
