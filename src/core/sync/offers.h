// The owner's side of cosigning: one checkpoint on offer to all mirrors at a time (protocol 4.2).
//
// Shape:  offer() puts a checkpoint up; take() adds a mirror's cosignature; when q have signed, cosigned() is the note
//         with them. The next may be offered when q have signed, or 2 s after the last was.
#pragma once

#include <map>
#include <optional>

#include "core/sync/keyring.h"

namespace holdfast::sync {

inline constexpr Duration offer_patience = seconds(2);

class Offers {
 public:
  bool may_offer(Instant monotonic_now) const {
    return !current_ || reached_ || monotonic_now - offered_at_ >= offer_patience;
  }
  void offer(journal::SignedCheckpoint checkpoint, Instant monotonic_now);
  const std::optional<journal::SignedCheckpoint>& current() const { return current_; }
  bool waits_for(const SiteName& mirror) const { return current_ && !signed_by_.contains(mirror); }
  // True when this signature completes the quorum. Errors: sync/bad_signature.
  Result<bool> take(const SiteName& mirror, const journal::NoteSignature& signature, const KeyRing& keys,
                    const chain::ChainFile& file);
  // A mirror has come back with another key: its signature on the current checkpoint no longer counts, and it is asked
  // again.
  void forget(const SiteName& mirror, const chain::ChainFile& file);
  const std::optional<journal::SignedCheckpoint>& cosigned() const { return cosigned_; }
  void restore(journal::SignedCheckpoint cosigned) { cosigned_ = std::move(cosigned); }
  void reset() { *this = Offers(); }

 private:
  std::optional<journal::SignedCheckpoint> current_;
  void gather();  // cosigned_ from what has been signed

  std::map<SiteName, journal::NoteSignature> signed_by_;
  Instant offered_at_;
  bool reached_ = false;
  std::optional<journal::SignedCheckpoint> cosigned_;
};

}  // namespace holdfast::sync
