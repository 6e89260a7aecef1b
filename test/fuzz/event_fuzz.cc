// Entries from disk and peers, alone and in parts: what is still decoded means the same when it is encoded again, and
// then has one form. (That decode() makes each event's own check is seen by the writer's: it is encoded as it is.)
#include "core/fold/event.h"
#include "core/fold/test_events.h"
#include "schema/events_generated.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

enum EventForm : std::uint8_t { one_entry, entry_parts };

void check(const fold::Event& event) {
  const std::vector<Bytes> entries = fold::encode(event);
  if (std::holds_alternative<fold::Part>(event.body)) {  // a piece of another
    HF_CHECK(fold::decode(entries.front()) == event, "a Part changes when it is encoded again");
    return;
  }
  fold::Joiner joiner;
  for (const Bytes& entry : entries) {
    HF_CHECK(entry.size() <= 65'535, "an entry of {} bytes", entry.size());
    const auto joined = joiner.take(entry);
    HF_CHECK(joined.has_value(), "a {} does not come back: {}", fold::kind_name(event.body), joined.error().text);
    HF_CHECK(joined->has_value() == (&entry == &entries.back()), "parts end early or late");
    if (*joined) HF_CHECK(**joined == event, "a {} changes when it is encoded again", fold::kind_name(event.body));
  }
  HF_CHECK(fold::encode(event) == entries, "a {} has two forms", fold::kind_name(event.body));
}

// Many peers whose list of held entries is one and the same: small on the disk, large in memory if each were copied.
Bytes shared_held() {
  flatbuffers::FlatBufferBuilder b;
  std::vector<std::uint64_t> held;
  for (std::uint64_t i = 0; i < 1000; ++i) held.push_back(i);
  const auto list = b.CreateVector(held);
  const auto root = b.CreateVector(std::vector<std::uint8_t>(32));
  const auto origin = b.CreateString("example.com/c/store-02/1");
  const auto prefix = fbs::CreateFollowedPrefix(b, origin, 1000, root, list);
  const auto peers = b.CreateVector(std::vector<flatbuffers::Offset<fbs::FollowedPrefix>>(600, prefix));
  const auto body = fbs::CreatePeerFollowed(b, peers);
  fbs::FinishEntryBuffer(b, fbs::CreateEntry(b, 5, 0, fbs::Body::PeerFollowed, body.Union()));
  return to_bytes({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()});
}

}  // namespace

void fuzz_event(ByteView in) {
  Reader reader(in);
  if (reader.u8() % 2 == one_entry) {
    const Bytes entry = to_bytes(reader.raw(reader.left()));
    const Allocations allocations;
    const auto event = fold::decode(entry);
    check_peak(allocations, in.size(), 256);
    if (event) check(*event);
    return;
  }
  fold::Joiner joiner;
  const Allocations allocations;
  while (reader.left() >= 2) {
    const ByteView entry = reader.raw(std::min<std::size_t>(reader.u16(), reader.left()));
    const auto event = joiner.take(entry);
    HF_CHECK(event || !joiner.in_the_middle(), "what is refused leaves parts behind");
    check_peak(allocations, in.size(), 512);
  }
}

Seeds seeds_of_event() {
  Seeds out;
  for (const fold::Event& event : fold::testing::samples()) {
    const Bytes entry = fold::encode(event).front();
    std::string name(fold::kind_name(event.body));
    for (const Seed& other : out)
      if (other.name == name) name += "-2";
    out.push_back({name, with_first(one_entry, entry)});
  }
  out.push_back({"shared-held", with_first(one_entry, shared_held())});
  fold::Event large{Instant{5}, fold::testing::sample_write(), fold::ListedClosed{{}, "done"}};
  large.body = fold::WriteListed{{}, "why", std::string(1500, 'x')};
  const Bytes whole = fold::encode(large).front();
  Writer pieces;
  const ByteView all = whole;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const ByteView data = all.subspan(i * 600, std::min<std::size_t>(600, all.size() - i * 600));
    const Bytes part = fold::encode({Instant{5}, {}, fold::Part{i, i == 2, to_bytes(data)}}).front();
    pieces.u16(static_cast<std::uint16_t>(part.size()));
    pieces.raw(part);
  }
  out.push_back({"parts", with_first(entry_parts, pieces.view())});
  return out;
}

}  // namespace holdfast::fuzz
