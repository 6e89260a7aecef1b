#include "core/sync/offers.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/mutant.h"

namespace holdfast::sync {

void Offers::offer(journal::SignedCheckpoint checkpoint, Instant monotonic_now) {
  current_ = std::move(checkpoint);
  signed_by_.clear();
  offered_at_ = monotonic_now;
  reached_ = false;
}

Result<bool> Offers::take(const SiteName& mirror, const journal::NoteSignature& signature, const KeyRing& keys,
                          const chain::ChainFile& file) {
  if (!current_) return false;
  const chain::SiteKeys* mirror_keys = keys.keys(mirror, keys.newest_epoch(mirror));
  if (mirror_keys == nullptr || !keys.is_mirroring(mirror) || !file.is_mirror(mirror, current_->checkpoint.origin.site))
    return fail("sync/bad_signature", fmt::format("{} is no mirror of this journal", mirror.view()));
  HF_TRY(const std::optional<Instant> at,
         journal::verify_cosignature(current_->checkpoint, signature, journal::cosigner_name(file.chain, mirror),
                                     mirror_keys->cosign));
  if (!at) return fail("sync/bad_signature", fmt::format("the cosignature of {} is by another key", mirror.view()));
  signed_by_[mirror] = signature;
  if (signed_by_.size() < (HF_MUTANT(3) ? 1 : file.quorum)) return false;
  gather();  // a third signature is kept too: it may have to stand in for one whose key is replaced
  return !std::exchange(reached_, true);
}

void Offers::gather() {
  cosigned_ = current_;
  for (const auto& [site, s] : signed_by_) cosigned_->note.signatures.push_back(s);
}

void Offers::forget(const SiteName& mirror, const chain::ChainFile& file) {
  if (signed_by_.erase(mirror) == 0 || !reached_) return;
  reached_ = signed_by_.size() >= file.quorum;
  if (reached_) gather();
}

}  // namespace holdfast::sync
