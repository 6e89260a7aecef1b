#include "sim/thief.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace holdfast::sim {

Thief::Thief(Chain& chain, const Machine& whose)
    : chain_(chain),
      signer_(whose.signer),
      name_(chain.name_for_thief(whose)),
      machine_(whose.name),
      origin_{chain.file().chain, whose.site, whose.epoch},
      wire_(chain.network, name_) {
  join("nowhere:0");
}

Thief::~Thief() {
  chain_.network.leave(name_);
  if (!lie_) return;
  for (const auto& [other, m] : chain_.machines()) chain_.network.heal(machine_, other);
}

void Thief::join(const std::string& address) {
  chain_.network.join(name_, address, signer_->public_key(KeyUse::tls), this);
}

bool Thief::was_heard() const { return chain_.words_of(name_) > 0; }

void Thief::visit(const SiteName& site, const std::vector<sync::Message>& words) {
  words_[wire_.dial(chain_.file().find(site)->link_address)] = words;
}

void Thief::on_connected(ConnectionId connection, const PublicKey&, bool) {
  say(connection, sync::Hello{origin_.chain, origin_.site, origin_.epoch, {}, {}});
  const auto visit = words_.find(connection);
  if (visit == words_.end()) return;
  for (const sync::Message& word : visit->second) say(connection, word);
  words_.erase(visit);
}

void Thief::on_closed(ConnectionId connection) { words_.erase(connection); }

std::string Thief::other_checkpoint(std::uint64_t size) const {
  const journal::Checkpoint other{origin_, size, sha256(as_bytes("what nobody has written"))};
  const auto signed_one = journal::sign_checkpoint(other, signer_->public_key(KeyUse::log),
                                                   [&](ByteView text) { return signer_->sign(KeyUse::log, text); });
  return journal::to_text(signed_one.note);
}
sync::Message Thief::offer(std::uint64_t size) const { return sync::Offer{other_checkpoint(size)}; }
sync::Message Thief::entry_behind(std::uint64_t size) const {
  return sync::Entries{origin_, size, {to_bytes(as_bytes("what nobody has sold"))}, other_checkpoint(size + 1)};
}
sync::Message Thief::second_history() const { return offer(2); }
sync::Message Thief::more_entries() const { return offer(1'000'000); }

sync::Message Thief::boast(std::uint64_t entries) const {
  sync::Heartbeat beat{origin_, entries, entries, chain_.now(), true, std::nullopt};
  beat.signature = signer_->sign(KeyUse::log, sync::heartbeat_text(beat));
  return beat;
}

sync::Message Thief::question() const { return sync::Have{origin_, UINT64_MAX, 1}; }

void Thief::lie(Lie lie) {
  lie_ = lie;
  for (const auto& [other, m] : chain_.machines())
    if (other != machine_) chain_.network.cut(machine_, other);
  join(chain_.file().find(origin_.site)->link_address);
  for (const chain::Site& site : chain_.file().sites)
    if (chain_.file().linked(site.name, origin_.site)) visit(site.name, {});
}

void Thief::on_message(ConnectionId from, Bytes message) {
  if (!lie_) return;
  const auto said = sync::decode(message);
  if (!said) return;
  if (*lie_ == Lie::signs_unstored) {
    if (const auto* m = std::get_if<sync::Offer>(&*said)) answer(from, *m);
    return;
  }
  if (const auto* m = std::get_if<sync::Ask>(&*said)) answer(from, *m);
  if (const auto* m = std::get_if<sync::Seal>(&*said)) answer(from, *m);
  if (const auto* m = std::get_if<sync::Register>(&*said)) answer(from, *m);
}

void Thief::answer(ConnectionId to, const sync::Offer& m) {
  const auto note = journal::parse_note(m.note);
  if (!note) return;
  const auto checkpoint = journal::parse_checkpoint(note->text);
  if (!checkpoint) return;
  lied_to_ = checkpoint->origin.site;
  say(to, sync::Cosignature{checkpoint->origin, checkpoint->size,
                            journal::cosign(*checkpoint, journal::cosigner_name(origin_.chain, origin_.site),
                                            signer_->public_key(KeyUse::cosign), chain_.now(),
                                            [&](ByteView text) { return signer_->sign(KeyUse::cosign, text); })});
}

void Thief::answer(ConnectionId to, const sync::Ask& m) {
  lied_to_ = m.site;
  say(to, sync::Known{m.site, {}, {}, {}, 0});
}

void Thief::answer(ConnectionId to, const sync::Seal& m) {
  const auto certificate = chain::open_certificate(chain_.file(), m.certificate);
  if (!certificate) return;
  lied_to_ = certificate->site;
  say(to, sync::Known{certificate->site, {}, {}, {}, certificate->epoch});
}

void Thief::answer(ConnectionId to, const sync::Register& m) {
  const auto registration = chain::open_registration(chain_.file(), m.registration);
  if (!registration) return;
  lied_to_ = registration->certificate.site;
  say(to, sync::Registered{registration->certificate.site, registration->certificate.epoch, {}});
}

}  // namespace holdfast::sim
