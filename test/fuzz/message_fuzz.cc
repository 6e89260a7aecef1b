// Messages of a link, and the tails that a mirror keeps as they came: the peer may be the attacker. What is read is
// written back and read the same, and a message makes us allocate no more than some multiple of itself.
#include "core/sync/messages.h"
#include "schema/links_generated.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

const Origin message_origin{"holdfast.example/acme", SiteName("store-07"), 1};

std::vector<std::pair<std::string, sync::Message>> samples() {
  const SiteName site("store-07");
  const std::vector<Bytes> entries = {to_bytes(as_bytes("first sale")), Bytes(), Bytes(40, std::byte{7})};
  const journal::NoteSignature line{"holdfast.example/acme/head-office", 17, Bytes(72, std::byte{9})};
  journal::NoteSignature witness = line;
  witness.signature.resize(64);
  const Signature signature{};
  const Hash root{};
  const Instant at{1'700'000'000'000'000'000};
  const sync::Heartbeat beat{message_origin, 17, 16, at, true, signature};
  return {{"Hello", sync::Hello{"holdfast.example/acme", site, 2, "certificate\n", "registration\n"}},
          {"Superseded", sync::Superseded{"registration\n"}},
          {"Ask", sync::Ask{site}},
          {"Seal", sync::Seal{"certificate\n", "registration\n"}},
          {"Known", sync::Known{site,
                                {{message_origin, 17, "note\n", at, "cosigned\n", beat}, {message_origin, 3, "", {}}},
                                {"registration\n"},
                                {"seal\n", "seal 2\n"},
                                2}},
          {"Register", sync::Register{"registration\n"}},
          {"Registered", sync::Registered{site, 2, {}}},
          {"Registered-witness", sync::Registered{site, 2, witness}},
          {"Have", sync::Have{message_origin, 17, 40}},
          {"Entries", sync::Entries{message_origin, 17, entries, "note\n"}},
          {"Offer", sync::Offer{"note\n"}},
          {"Cosignature", sync::Cosignature{message_origin, 17, line}},
          {"Cosigned", sync::Cosigned{"note\n"}},
          {"Gossip", sync::Gossip{"note\n"}},
          {"Heartbeat", beat},
          {"Heartbeat-unsigned", sync::Heartbeat{message_origin, 0, 0, at, false, {}}},
          {"Tail", sync::Tail{message_origin, 17, entries, signature, "note\n"}},
          {"TailTaken", sync::TailTaken{message_origin, 17, 3}},
          {"Refused", sync::Refused{"what", "reason"}},
          {"SpareHave", sync::SpareHave{message_origin, 17, root, "note\n"}},
          {"SpareEntries", sync::SpareEntries{message_origin, 17, entries, signature, "note\n"}},
          {"SpareDiffers", sync::SpareDiffers{message_origin}},
          {"SpareCredentials", sync::SpareCredentials{Bytes(30, std::byte{3})}},
          {"SpareParcel", sync::SpareParcel{Bytes(30, std::byte{3})}},
          {"Missing", sync::Missing{message_origin, 17, 40}},
          {"Found", sync::Found{message_origin, 17, entries}}};
}

// Many entries that are one and the same bytes: small on the wire, large in memory if each were copied.
Bytes shared_entries(fbs::LinkBody kind) {
  flatbuffers::FlatBufferBuilder b;
  const std::vector<std::uint8_t> body(4000, 7);
  const auto blob = fbs::CreateBlob(b, b.CreateVector(body));
  const auto entries = b.CreateVector(std::vector<flatbuffers::Offset<fbs::Blob>>(1000, blob));
  const auto origin = b.CreateString(message_origin.text());
  const auto note = b.CreateString("note\n");
  const auto message = kind == fbs::LinkBody::Found ? fbs::CreateFound(b, origin, 0, entries).Union()
                                                    : fbs::CreateEntries(b, origin, 0, entries, note).Union();
  b.Finish(fbs::CreateMessage(b, kind, message));
  return to_bytes({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()});
}

}  // namespace

void fuzz_message(ByteView in) {
  const Bytes bytes = to_bytes(in);  // where a message lies: at an address that new gave
  const Allocations allocations;
  const auto message = sync::decode(bytes);
  check_peak(allocations, bytes.size(), 32);
  if (!message) {
    HF_CHECK(message.error().code.starts_with("sync/") || message.error().code == "base/bad_origin", "{}",
             message.error().code);
    return;
  }
  const Bytes written = sync::encode(*message);
  const auto again = sync::decode(written);
  HF_CHECK(again.has_value(), "a message of kind {} does not come back: {}", message->index(), again.error().text);
  HF_CHECK(again->index() == message->index() && sync::encode(*again) == written, "a message of kind {} changes",
           message->index());
  if (const auto* tail = std::get_if<sync::Tail>(&*message)) (void)sync::tail_text(*tail);
  if (const auto* beat = std::get_if<sync::Heartbeat>(&*message)) (void)sync::heartbeat_text(*beat);
}

Seeds seeds_of_message() {
  Seeds out;
  for (const auto& [name, message] : samples()) out.push_back({name, sync::encode(message)});
  out.push_back({"shared-entries", shared_entries(fbs::LinkBody::Entries)});
  out.push_back({"shared-found", shared_entries(fbs::LinkBody::Found)});
  return out;
}

}  // namespace holdfast::fuzz
