// Entries about journals themselves: epochs, peers, what was listed.
#include "core/fold/decode_field.h"

namespace holdfast::fold {

Body read(Field& f, const fbs::EpochOpened& t) {
  EpochOpened e{f.text(t.chain(), "chain", 150), f.site(t.site(), "site"), t.epoch(),
                f.text(t.currency(), "currency", 3), f.note(t.registration(), "registration")};
  f.expect(!e.chain.empty() && is_clean_text(e.chain), "chain", "is empty");
  f.expect(e.epoch >= 1 && (e.epoch == 1 || !e.registration.empty()), "epoch", "has no registration, or is 0");
  f.expect(currency_of(e.currency).has_value(), "currency", "is not known");
  return e;
}
Body read(Field& f, const fbs::NodeStarted& t) {
  f.expect(t.series() >= 1 && t.series() <= till::series_bits_max, "series", "is out of range");
  return NodeStarted{SeriesId{t.series()}, f.text(t.software(), "software", 100)};
}
Body read(Field& f, const fbs::RulesAdopted& t) {
  f.expect(t.version() >= 1, "version", "is 0");
  return RulesAdopted{t.version()};
}
Body read(Field& f, const fbs::Part& t) {
  const ByteView data = f.bytes(t.data(), "data", part_bytes_max);
  f.expect(!data.empty(), "data", "is empty");
  return Part{t.number(), t.last(), to_bytes(data)};
}
Body read(Field& f, const fbs::PeerFollowed& t) {
  PeerFollowed e;
  e.peers = f.list<FollowedPrefix>(t.peers(), "peers", peers_max, [&](const fbs::FollowedPrefix& p) {
    FollowedPrefix out{f.origin(p.origin(), "origin"), p.size(), f.array<32>(p.root(), "root"), {}};
    f.expect(out.size <= size_max, "size", "is out of range");
    if (p.held() != nullptr && p.held()->size() > 0 && f.take(p.held()->size() * sizeof(EntryIndex), "held entries")) {
      // Copied as bytes: the verifier does not check that a vector's elements are aligned.
      out.held.resize(p.held()->size());
      std::memcpy(out.held.data(), p.held()->Data(), out.held.size() * sizeof(EntryIndex));
    }
    f.expect(std::ranges::adjacent_find(out.held, std::greater_equal<>()) == out.held.end(), "held entries",
             "are not in order");
    return out;
  });
  f.expect(!e.peers.empty(), "peers", "are missing");
  return e;
}
Body read(Field& f, const fbs::PeerSucceeded& t) {
  PeerSucceeded e{f.origin(t.old_origin(), "old origin"), t.kept_size(), f.array<32>(t.kept_root(), "kept root"),
                  f.origin(t.new_origin(), "new origin")};
  f.expect(e.old_origin.chain == e.new_origin.chain && e.old_origin.site == e.new_origin.site &&
               e.old_origin.epoch < e.new_origin.epoch,
           "new origin", "does not succeed the old one");
  f.expect(e.kept_size <= size_max, "kept size", "is out of range");
  return e;
}
Body read(Field& f, const fbs::PeerEntryAccepted& t) {
  PeerEntryAccepted e{{f.origin(t.origin(), "origin"), t.index()}, {}};
  if (t.products() != nullptr) e.products = f.array<32>(t.products(), "products");
  return e;
}
Body read(Field& f, const fbs::EpochSealed& t) {
  EpochSealed e{f.note(t.certificate(), "certificate")};
  f.expect(!e.certificate.empty(), "certificate", "is empty");
  return e;
}
Body read(Field& f, const fbs::RegistrationTaken& t) {
  RegistrationTaken e{f.note(t.registration(), "registration")};
  f.expect(!e.registration.empty(), "registration", "is empty");
  return e;
}
Body read(Field& f, const fbs::ContradictionSeen& t) {
  return ContradictionSeen{f.origin(t.origin(), "origin"), f.text(t.note_a(), "first note", signed_note_bytes_max),
                           f.text(t.note_b(), "second note", signed_note_bytes_max)};
}
Body read(Field& f, const fbs::TailListed& t) {
  return TailListed{{f.array<16>(t.id(), "id")},
                    {f.origin(t.origin(), "origin"), t.index()},
                    f.text(t.reason(), "reason", reason_bytes_max),
                    to_bytes(f.bytes(t.entry(), "entry", part_bytes_max))};
}
Body read(Field& f, const fbs::WriteListed& t) {
  return WriteListed{{f.array<16>(t.id(), "id")},
                     f.text(t.reason(), "reason", reason_bytes_max),
                     f.text(t.body(), "body", part_bytes_max)};
}
Body read(Field& f, const fbs::ListedClosed& t) {
  return ListedClosed{{f.array<16>(t.id(), "id")}, f.text(t.note(), "note", reason_bytes_max)};
}
Body read(Field& f, const fbs::SubjectRead& t) {
  return SubjectRead{{f.array<16>(t.subject(), "subject")}, f.text(t.reason(), "reason", reason_bytes_max)};
}

}  // namespace holdfast::fold
