#include "core/sync/keyring.h"

#include <algorithm>
#include <iterator>

namespace holdfast::sync {

KeyRing::KeyRing(const chain::ChainFile& file) : file_(&file) {
  for (const chain::Site& site : file.sites) keys_[{site.name, 1}] = site.keys;
}

void KeyRing::add(const chain::Registration& registration) {
  const chain::Certificate& c = registration.certificate;
  if (file_->find(c.site) == nullptr) return;
  keys_[{c.site, c.epoch}] = c.keys;
  registrations_.insert_or_assign({c.site, c.epoch}, registration);
}

void KeyRing::add_all(const fold::State& state) {
  auto take = [this](const std::string& note) {
    if (auto registration = chain::open_registration(*file_, note)) add(*registration);
  };
  for (const auto& [site, epochs] : state.epochs)
    for (const auto& [epoch, note] : epochs.registrations) take(note);
  if (!state.registration.empty()) take(state.registration);
}

std::uint32_t KeyRing::newest_epoch(const SiteName& site) const {
  const auto behind = keys_.upper_bound({site, UINT32_MAX});
  return behind != keys_.begin() && std::prev(behind)->first.first == site ? std::prev(behind)->first.second : 0;
}

Origin KeyRing::newest_origin(const SiteName& site) const { return {file_->chain, site, newest_epoch(site)}; }

const chain::SiteKeys* KeyRing::keys(const SiteName& site, std::uint32_t epoch) const {
  const auto it = keys_.find({site, epoch});
  return it == keys_.end() ? nullptr : &it->second;
}

std::optional<PublicKey> KeyRing::log_key(const Origin& origin) const {
  if (origin.chain != file_->chain) return std::nullopt;
  const chain::SiteKeys* found = keys(origin.site, origin.epoch);
  return found == nullptr ? std::nullopt : std::optional(found->log);
}

const chain::Registration* KeyRing::registration(const SiteName& site, std::uint32_t epoch) const {
  const auto it = registrations_.find({site, epoch});
  return it == registrations_.end() ? nullptr : &it->second;
}

bool KeyRing::is_succeeded(const Origin& origin) const {
  return std::ranges::any_of(registrations_, [&](const auto& known) { return known.second.old_origin == origin; });
}

std::optional<SiteEpoch> KeyRing::by_tls(const PublicKey& key) const {
  for (const auto& [place, keys] : keys_)
    if (keys.tls == key) return SiteEpoch{place.first, place.second};
  return std::nullopt;
}

bool KeyRing::is_mirroring(const SiteName& site) const {
  const chain::Registration* newest = registration(site, newest_epoch(site));
  return newest == nullptr || !newest->certificate.spare;
}

bool KeyRing::is_witness(const chain::Registration& registration, const journal::NoteSignature& line,
                         const SiteName& mirror) const {
  for (const auto& [place, keys] : keys_)
    if (place.first == mirror && chain::is_witness(registration, line, mirror, keys.cosign)) return true;
  return false;
}

bool KeyRing::may_be_taken(const chain::Registration& registration) const {
  if (!registration.certificate.spare) return true;
  const chain::Site* owner = file_->find(registration.certificate.site);
  if (owner == nullptr) return false;
  std::size_t count = 0;
  for (const SiteName& mirror : owner->mirrors) {
    for (const journal::NoteSignature& line : registration.witnesses) {
      if (!is_witness(registration, line, mirror)) continue;
      ++count;
      break;
    }
  }
  return count >= file_->quorum;
}

std::map<SiteName, journal::NoteSignature> KeyRing::cosignatures(const journal::SignedCheckpoint& checkpoint) const {
  std::map<SiteName, journal::NoteSignature> out;
  const chain::Site* owner = file_->find(checkpoint.checkpoint.origin.site);
  if (owner == nullptr) return out;
  for (const SiteName& mirror : owner->mirrors) {
    const chain::SiteKeys* keys_now = keys(mirror, newest_epoch(mirror));
    if (keys_now == nullptr || !is_mirroring(mirror)) continue;
    const std::string name = journal::cosigner_name(file_->chain, mirror);
    for (const journal::NoteSignature& s : checkpoint.note.signatures) {
      const auto at = journal::verify_cosignature(checkpoint.checkpoint, s, name, keys_now->cosign);
      if (at && at->has_value()) {
        out.emplace(mirror, s);
        break;
      }
    }
  }
  return out;
}

bool KeyRing::are_enough(const std::map<SiteName, journal::NoteSignature>& cosignatures) const {
  return cosignatures.size() >= file_->quorum;
}

bool KeyRing::is_cosigned(const journal::SignedCheckpoint& checkpoint) const {
  return are_enough(cosignatures(checkpoint));
}

}  // namespace holdfast::sync
