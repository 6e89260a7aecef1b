#include "core/sync/messages.h"

#include <fmt/format.h>

#include "schema/links_generated.h"

namespace holdfast::sync {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

auto text(FlatBufferBuilder& b, std::string_view t) { return b.CreateString(t.data(), t.size()); }
auto octets(FlatBufferBuilder& b, ByteView v) {
  return b.CreateVector(reinterpret_cast<const std::uint8_t*>(v.data()), v.size());
}
auto blobs(FlatBufferBuilder& b, const std::vector<Bytes>& entries) {
  std::vector<Offset<fbs::Blob>> out;
  out.reserve(entries.size());
  for (const Bytes& e : entries) out.push_back(fbs::CreateBlob(b, octets(b, e)));
  return b.CreateVector(out);
}
auto texts(FlatBufferBuilder& b, const std::vector<std::string>& list) {
  std::vector<Offset<flatbuffers::String>> out;
  out.reserve(list.size());
  for (const std::string& t : list) out.push_back(text(b, t));
  return b.CreateVector(out);
}
std::uint64_t ns(Instant at) { return static_cast<std::uint64_t>(at.unix_ns); }
Instant instant(std::uint64_t v) { return {static_cast<std::int64_t>(v)}; }

struct Encoder {
  FlatBufferBuilder& b;
  using Out = std::pair<fbs::LinkBody, Offset<void>>;

  Offset<fbs::Heartbeat> beat(const Heartbeat& h) {
    const auto signature = h.signature ? octets(b, *h.signature) : 0;
    return fbs::CreateHeartbeat(b, text(b, h.origin.text()), h.size, h.cosigned_size, ns(h.at), h.trading, signature);
  }

  Out operator()(const Hello& m) {
    return {fbs::LinkBody::Hello, fbs::CreateHello(b, text(b, m.chain), text(b, m.site.view()), m.epoch,
                                                   text(b, m.certificate), text(b, m.registration))
                                      .Union()};
  }
  Out operator()(const Superseded& m) {
    return {fbs::LinkBody::Superseded, fbs::CreateSuperseded(b, text(b, m.registration)).Union()};
  }
  Out operator()(const Ask& m) { return {fbs::LinkBody::Ask, fbs::CreateAsk(b, text(b, m.site.view())).Union()}; }
  Out operator()(const Seal& m) {
    return {fbs::LinkBody::Seal, fbs::CreateSeal(b, text(b, m.certificate), text(b, m.registration)).Union()};
  }
  Out operator()(const Known& m) {
    std::vector<Offset<fbs::HeldEpoch>> held;
    held.reserve(m.held.size());
    for (const HeldEpoch& h : m.held)
      held.push_back(fbs::CreateHeldEpoch(b, text(b, h.origin.text()), h.size, text(b, h.note), ns(h.heard_at),
                                          text(b, h.cosigned), h.beat ? beat(*h.beat) : Offset<fbs::Heartbeat>()));
    return {fbs::LinkBody::Known, fbs::CreateKnown(b, text(b, m.site.view()), b.CreateVector(held),
                                                   texts(b, m.registrations), texts(b, m.seals), m.sealed_for)
                                      .Union()};
  }
  Out operator()(const Register& m) {
    return {fbs::LinkBody::Register, fbs::CreateRegister(b, text(b, m.registration)).Union()};
  }
  Out operator()(const Registered& m) {
    const auto site = text(b, m.site.view());
    if (!m.witness) return {fbs::LinkBody::Registered, fbs::CreateRegistered(b, site, m.epoch).Union()};
    const auto name = text(b, m.witness->name);
    const auto signature = octets(b, m.witness->signature);
    return {fbs::LinkBody::Registered,
            fbs::CreateRegistered(b, site, m.epoch, name, m.witness->key_id, signature).Union()};
  }
  Out operator()(const Have& m) {
    return {fbs::LinkBody::Have, fbs::CreateHave(b, text(b, m.origin.text()), m.size, m.limit).Union()};
  }
  Out operator()(const Entries& m) {
    return {fbs::LinkBody::Entries,
            fbs::CreateEntries(b, text(b, m.origin.text()), m.first, blobs(b, m.entries), text(b, m.note)).Union()};
  }
  Out operator()(const Offer& m) { return {fbs::LinkBody::Offer, fbs::CreateOffer(b, text(b, m.note)).Union()}; }
  Out operator()(const Cosignature& m) {
    return {fbs::LinkBody::Cosignature,
            fbs::CreateCosignature(b, text(b, m.origin.text()), m.size, text(b, m.signature.name), m.signature.key_id,
                                   octets(b, m.signature.signature))
                .Union()};
  }
  Out operator()(const Cosigned& m) {
    return {fbs::LinkBody::Cosigned, fbs::CreateCosigned(b, text(b, m.note)).Union()};
  }
  Out operator()(const Gossip& m) { return {fbs::LinkBody::Gossip, fbs::CreateGossip(b, text(b, m.note)).Union()}; }
  Out operator()(const Heartbeat& m) { return {fbs::LinkBody::Heartbeat, beat(m).Union()}; }
  Out operator()(const Tail& m) {
    const auto signature = m.signature ? octets(b, *m.signature) : 0;
    return {
        fbs::LinkBody::Tail,
        fbs::CreateTail(b, text(b, m.origin.text()), m.first, blobs(b, m.entries), signature, text(b, m.note)).Union()};
  }
  Out operator()(const TailTaken& m) {
    return {fbs::LinkBody::TailTaken, fbs::CreateTailTaken(b, text(b, m.origin.text()), m.first, m.count).Union()};
  }
  Out operator()(const Refused& m) {
    return {fbs::LinkBody::Refused, fbs::CreateRefused(b, text(b, m.what), text(b, m.reason)).Union()};
  }
  Out operator()(const SpareHave& m) {
    return {fbs::LinkBody::SpareHave,
            fbs::CreateSpareHave(b, text(b, m.origin.text()), m.size, octets(b, m.root), text(b, m.note)).Union()};
  }
  Out operator()(const SpareEntries& m) {
    const auto signature = m.signature ? octets(b, *m.signature) : 0;
    return {fbs::LinkBody::SpareEntries, fbs::CreateSpareEntries(b, text(b, m.origin.text()), m.first,
                                                                 blobs(b, m.entries), signature, text(b, m.note))
                                             .Union()};
  }
  Out operator()(const SpareDiffers& m) {
    return {fbs::LinkBody::SpareDiffers, fbs::CreateSpareDiffers(b, text(b, m.origin.text())).Union()};
  }
  Out operator()(const SpareCredentials& m) {
    return {fbs::LinkBody::SpareCredentials, fbs::CreateSpareCredentials(b, octets(b, m.box)).Union()};
  }
  Out operator()(const SpareParcel& m) {
    return {fbs::LinkBody::SpareParcel, fbs::CreateSpareParcel(b, octets(b, m.body)).Union()};
  }
  Out operator()(const Missing& m) {
    return {fbs::LinkBody::Missing, fbs::CreateMissing(b, text(b, m.origin.text()), m.first, m.end).Union()};
  }
  Out operator()(const Found& m) {
    return {fbs::LinkBody::Found, fbs::CreateFound(b, text(b, m.origin.text()), m.first, blobs(b, m.entries)).Union()};
  }
};

auto bad(std::string what) { return fail("sync/bad_message", "a link message was refused: " + std::move(what)); }

std::string_view view(const flatbuffers::String* s) {
  return s == nullptr ? std::string_view() : std::string_view(s->data(), s->size());
}
ByteView view(const flatbuffers::Vector<std::uint8_t>* v) {
  return v == nullptr ? ByteView() : ByteView(reinterpret_cast<const std::byte*>(v->data()), v->size());
}

Result<std::string> note_of(const flatbuffers::String* s) {
  if (view(s).size() > journal::note_bytes_max) return bad("a note is too long");
  return std::string(view(s));
}

// FlatBuffers lets many items of a list be one and the same bytes, which some kilobytes could make gigabytes of. We
// write each apart, so the items that are read are never more than the message that they came in.
class Room {
 public:
  explicit Room(std::size_t message_bytes) : left_(message_bytes) {}
  Status take(std::size_t bytes) {
    if (bytes > left_) return bad("its items overlap");
    left_ -= bytes;
    return {};
  }

 private:
  std::size_t left_;
};

Result<std::vector<std::string>> notes_of(const flatbuffers::Vector<Offset<flatbuffers::String>>* list, Room& room) {
  std::vector<std::string> out;
  if (list == nullptr) return out;
  if (list->size() > 1000) return bad("too many notes");
  for (const auto* s : *list) {
    HF_TRY_VOID(room.take(view(s).size()));
    HF_TRY(std::string note, note_of(s));
    out.push_back(std::move(note));
  }
  return out;
}
Result<SiteName> site_of(const flatbuffers::String* s) {
  const std::string_view name = view(s);
  if (name.empty() || name.size() > SiteName::bytes_max) return bad("a site's name is missing or too long");
  return SiteName(name);
}
Result<Origin> origin_of(const flatbuffers::String* s) { return parse_origin(view(s)); }
Result<std::vector<Bytes>> entries_of(const flatbuffers::Vector<Offset<fbs::Blob>>* list, Room& room) {
  std::vector<Bytes> out;
  if (list == nullptr) return out;
  if (list->size() > message_items_max) return bad("too many entries");
  out.reserve(list->size());
  for (const fbs::Blob* blob : *list) {
    const ByteView bytes = view(blob->bytes());
    if (bytes.size() > 65'535) return bad("an entry is larger than 65,535 bytes");
    HF_TRY_VOID(room.take(bytes.size() + 16));  // no item is written in less than that besides
    out.push_back(to_bytes(bytes));
  }
  return out;
}
Result<std::optional<Signature>> signature_of(const flatbuffers::Vector<std::uint8_t>* v) {
  if (v == nullptr) return std::optional<Signature>();
  std::optional<Signature> signature = array_from<64>(view(v));
  if (!signature) return bad("a signature is not 64 bytes");
  return signature;
}

Result<Message> typed(const fbs::Hello& m) {
  HF_TRY(SiteName site, site_of(m.site()));
  HF_TRY(std::string certificate, note_of(m.certificate()));
  HF_TRY(std::string registration, note_of(m.registration()));
  if (view(m.chain()).size() > 200) return bad("the chain's name is too long");
  return Hello{std::string(view(m.chain())), site, m.epoch(), std::move(certificate), std::move(registration)};
}
Result<Message> typed(const fbs::Superseded& m) {
  HF_TRY(std::string registration, note_of(m.registration()));
  return Superseded{std::move(registration)};
}
Result<Message> typed(const fbs::Ask& m) {
  HF_TRY(SiteName site, site_of(m.site()));
  return Ask{site};
}
Result<Message> typed(const fbs::Seal& m) {
  HF_TRY(std::string certificate, note_of(m.certificate()));
  HF_TRY(std::string registration, note_of(m.registration()));
  return Seal{std::move(certificate), std::move(registration)};
}
Result<Heartbeat> heartbeat_of(const fbs::Heartbeat& m) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  HF_TRY(std::optional<Signature> signature, signature_of(m.signature()));
  return Heartbeat{std::move(origin), m.size(), m.cosigned_size(), instant(m.at()), m.trading(), signature};
}
Result<Message> typed(const fbs::Known& m, Room room) {
  Known out;
  HF_TRY(out.site, site_of(m.site()));
  if (m.held() != nullptr) {
    if (m.held()->size() > 1000) return bad("too many epochs");
    for (const fbs::HeldEpoch* h : *m.held()) {
      HeldEpoch held;
      HF_TRY(held.origin, origin_of(h->origin()));
      HF_TRY_VOID(room.take(view(h->note()).size()));
      HF_TRY(held.note, note_of(h->note()));
      HF_TRY_VOID(room.take(view(h->cosigned()).size()));
      HF_TRY(held.cosigned, note_of(h->cosigned()));
      held.size = h->size();
      held.heard_at = instant(h->heard_at());
      if (h->beat() != nullptr) {
        HF_TRY(held.beat, heartbeat_of(*h->beat()));
      }
      out.held.push_back(std::move(held));
    }
  }
  HF_TRY(out.registrations, notes_of(m.registrations(), room));
  HF_TRY(out.seals, notes_of(m.seals(), room));
  out.sealed_for = m.sealed_for();
  return out;
}
Result<Message> typed(const fbs::Register& m) {
  HF_TRY(std::string registration, note_of(m.registration()));
  return Register{std::move(registration)};
}
Result<Message> typed(const fbs::Registered& m) {
  HF_TRY(SiteName site, site_of(m.site()));
  if (m.signature() == nullptr) return Registered{site, m.epoch()};
  if (view(m.name()).size() > 250 || view(m.signature()).size() != 64) return bad("not a signature of a mirror");
  return Registered{site, m.epoch(),
                    journal::NoteSignature{std::string(view(m.name())), m.key_id(), to_bytes(view(m.signature()))}};
}
Result<Message> typed(const fbs::Have& m) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  return Have{std::move(origin), m.size(), m.limit()};
}
Result<Message> typed(const fbs::Entries& m, Room room) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  HF_TRY(std::vector<Bytes> entries, entries_of(m.entries(), room));
  HF_TRY(std::string note, note_of(m.note()));
  return Entries{std::move(origin), m.first(), std::move(entries), std::move(note)};
}
Result<Message> typed(const fbs::Offer& m) {
  HF_TRY(std::string note, note_of(m.note()));
  return Offer{std::move(note)};
}
Result<Message> typed(const fbs::Cosignature& m) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  if (view(m.name()).size() > 250 || view(m.signature()).size() != 72) return bad("not a cosignature of type 0x04");
  return Cosignature{
      std::move(origin), m.size(), {std::string(view(m.name())), m.key_id(), to_bytes(view(m.signature()))}};
}
Result<Message> typed(const fbs::Cosigned& m) {
  HF_TRY(std::string note, note_of(m.note()));
  return Cosigned{std::move(note)};
}
Result<Message> typed(const fbs::Gossip& m) {
  HF_TRY(std::string note, note_of(m.note()));
  return Gossip{std::move(note)};
}
Result<Message> typed(const fbs::Heartbeat& m) { return heartbeat_of(m); }
Result<Message> typed(const fbs::Tail& m, Room room) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  HF_TRY(std::vector<Bytes> entries, entries_of(m.entries(), room));
  HF_TRY(std::optional<Signature> signature, signature_of(m.signature()));
  HF_TRY(std::string note, note_of(m.note()));
  return Tail{std::move(origin), m.first(), std::move(entries), signature, std::move(note)};
}
Result<Message> typed(const fbs::TailTaken& m) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  return TailTaken{std::move(origin), m.first(), m.count()};
}
Result<Message> typed(const fbs::Refused& m) {
  return Refused{std::string(view(m.what()).substr(0, 100)), std::string(view(m.reason()).substr(0, 500))};
}
Result<Message> typed(const fbs::SpareHave& m) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  const auto root = array_from<32>(view(m.root()));
  if (!root) return bad("a root is not 32 bytes");
  HF_TRY(std::string note, note_of(m.note()));
  return SpareHave{std::move(origin), m.size(), *root, std::move(note)};
}
Result<Message> typed(const fbs::SpareEntries& m, Room room) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  HF_TRY(std::vector<Bytes> entries, entries_of(m.entries(), room));
  HF_TRY(std::optional<Signature> signature, signature_of(m.signature()));
  HF_TRY(std::string note, note_of(m.note()));
  return SpareEntries{std::move(origin), m.first(), std::move(entries), signature, std::move(note)};
}
Result<Message> typed(const fbs::SpareDiffers& m) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  return SpareDiffers{std::move(origin)};
}
Result<Message> typed(const fbs::SpareCredentials& m) {
  if (view(m.box()).size() > credentials_box_bytes_max) return bad("a credential store is too large");
  return SpareCredentials{to_bytes(view(m.box()))};
}
Result<Message> typed(const fbs::SpareParcel& m) {
  if (view(m.body()).size() > parcel_bytes_max) return bad("a parcel of a spare is too large");
  return SpareParcel{to_bytes(view(m.body()))};
}
Result<Message> typed(const fbs::Missing& m) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  if (m.end() < m.first()) return bad("it misses entries that end before they begin");
  return Missing{std::move(origin), m.first(), m.end()};
}
Result<Message> typed(const fbs::Found& m, Room room) {
  HF_TRY(Origin origin, origin_of(m.origin()));
  HF_TRY(std::vector<Bytes> entries, entries_of(m.entries(), room));
  return Found{std::move(origin), m.first(), std::move(entries)};
}

// About what is needed, so that a piece of 2 MiB is not copied eleven times while its buffer grows.
std::size_t room_for(const Message& message) {
  std::size_t bytes = 1024;
  if (const auto* m = std::get_if<Entries>(&message))
    for (const Bytes& entry : m->entries) bytes += entry.size() + 32;
  return bytes;
}

}  // namespace

Bytes encode(const Message& message) {
  FlatBufferBuilder b(room_for(message));
  const auto [type, body] = std::visit(Encoder{b}, message);
  b.Finish(fbs::CreateMessage(b, type, body));
  return to_bytes({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()});
}

Result<Message> decode(ByteView bytes) {
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), 16,
                                 2 * message_items_max);
  if (!verifier.VerifyBuffer<fbs::Message>()) return bad("its bytes are not a message");
  const fbs::Message* m = flatbuffers::GetRoot<fbs::Message>(bytes.data());
  if (m->body() == nullptr) return bad("it has no body");
  switch (m->body_type()) {
    case fbs::LinkBody::Hello:
      return typed(*m->body_as_Hello());
    case fbs::LinkBody::Superseded:
      return typed(*m->body_as_Superseded());
    case fbs::LinkBody::Ask:
      return typed(*m->body_as_Ask());
    case fbs::LinkBody::Seal:
      return typed(*m->body_as_Seal());
    case fbs::LinkBody::Known:
      return typed(*m->body_as_Known(), Room(bytes.size()));
    case fbs::LinkBody::Register:
      return typed(*m->body_as_Register());
    case fbs::LinkBody::Registered:
      return typed(*m->body_as_Registered());
    case fbs::LinkBody::Have:
      return typed(*m->body_as_Have());
    case fbs::LinkBody::Entries:
      return typed(*m->body_as_Entries(), Room(bytes.size()));
    case fbs::LinkBody::Offer:
      return typed(*m->body_as_Offer());
    case fbs::LinkBody::Cosignature:
      return typed(*m->body_as_Cosignature());
    case fbs::LinkBody::Cosigned:
      return typed(*m->body_as_Cosigned());
    case fbs::LinkBody::Gossip:
      return typed(*m->body_as_Gossip());
    case fbs::LinkBody::Heartbeat:
      return typed(*m->body_as_Heartbeat());
    case fbs::LinkBody::Tail:
      return typed(*m->body_as_Tail(), Room(bytes.size()));
    case fbs::LinkBody::TailTaken:
      return typed(*m->body_as_TailTaken());
    case fbs::LinkBody::Refused:
      return typed(*m->body_as_Refused());
    case fbs::LinkBody::SpareHave:
      return typed(*m->body_as_SpareHave());
    case fbs::LinkBody::SpareEntries:
      return typed(*m->body_as_SpareEntries(), Room(bytes.size()));
    case fbs::LinkBody::SpareDiffers:
      return typed(*m->body_as_SpareDiffers());
    case fbs::LinkBody::SpareCredentials:
      return typed(*m->body_as_SpareCredentials());
    case fbs::LinkBody::SpareParcel:
      return typed(*m->body_as_SpareParcel());
    case fbs::LinkBody::Missing:
      return typed(*m->body_as_Missing());
    case fbs::LinkBody::Found:
      return typed(*m->body_as_Found(), Room(bytes.size()));
    case fbs::LinkBody::NONE:
      break;
  }
  return bad("it is of a kind this version does not know");
}

Bytes heartbeat_text(const Heartbeat& h) {
  return to_bytes(as_bytes(fmt::format("holdfast heartbeat v1\n{}\n{}\n{}\n{}\n{}\n", h.origin.text(), h.size,
                                       h.cosigned_size, h.at.unix_ns, h.trading ? "trading" : "not trading")));
}

Bytes tail_text(const Tail& tail) {
  Writer leaves;
  for (const Bytes& entry : tail.entries) leaves.raw(leaf_hash(entry));
  return to_bytes(as_bytes(fmt::format("holdfast tail v1\n{}\n{}\n{}\n{}\n", tail.origin.text(), tail.first,
                                       tail.entries.size(), to_base64(sha256(leaves.view())))));
}

}  // namespace holdfast::sync
