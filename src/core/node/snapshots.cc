#include "core/node/snapshots.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/bytes.h"

namespace holdfast::node {
namespace {
constexpr std::string_view snapshot_magic = "holdfast snapshot v2";

Result<Snapshot> decode_snapshot(ByteView bytes, const Origin& origin) {
  const auto bad = [](std::string_view why) {
    return fail("node/bad_snapshot", fmt::format("a snapshot is not usable: {}", why));
  };
  if (bytes.size() < 32) return bad("too short");
  const ByteView body = bytes.first(bytes.size() - 32);
  const Hash sum = sha256(body);
  if (!std::equal(sum.begin(), sum.end(), bytes.end() - 32)) return bad("its hash does not hold");
  Reader in(body);
  if (in.text() != snapshot_magic || in.text() != origin.text()) return bad("of another version or origin");
  Snapshot out;
  out.mark.size = in.u64();
  out.mark.record_number = in.u64();
  out.mark.record_hash = in.array<32>();
  HF_TRY(out.mark.tree, journal::Tree::decode(in));
  HF_TRY(out.state, fold::State::decode(in.blob()));
  if (!in.at_end() || out.mark.tree.size() != out.mark.size) return bad("its parts do not fit");
  return out;
}
}  // namespace

std::string Snapshots::path(const Origin& origin, std::uint64_t size) {
  return fmt::format("snapshots/{}-{:016}.hfs", origin.epoch, size);
}

std::optional<Snapshot> Snapshots::newest(const Origin& origin) const {
  const auto names = disk_.list("snapshots");
  if (!names) return std::nullopt;
  const std::string prefix = fmt::format("{}-", origin.epoch);
  for (auto it = names->rbegin(); it != names->rend(); ++it) {
    if (!it->starts_with(prefix)) continue;
    const auto bytes = disk_.read_all("snapshots/" + *it);
    if (!bytes) continue;
    if (auto snapshot = decode_snapshot(*bytes, origin)) return std::move(*snapshot);
  }
  return std::nullopt;
}

Result<Snapshots::Wrote> Snapshots::write(const Origin& origin, const journal::LogMark& mark, const fold::State& state,
                                          Instant monotonic, std::uint64_t holes_found) {
  const Bytes encoded = state.encode();
  Writer out;
  out.reserve(encoded.size() + (mark.size / 8) + 64 * 1024);  // with the roots of the tree's full tiles
  out.text(snapshot_magic);
  out.text(origin.text());
  out.u64(mark.size);
  out.u64(mark.record_number);
  out.raw(mark.record_hash);
  mark.tree.encode(out);
  out.blob(encoded);
  out.raw(sha256(out.view()));
  const Status written = disk_.write_all(path(origin, mark.size), out.view());
  if (!written && written.error().code == "base/disk_full") {
    // It makes a start short and nothing else, and the journal may still have room in the segment that it is in: ending
    // would take more of the disk with each start (a segment a journal), until none succeeds.
    next_ = monotonic + again_;
    return std::exchange(is_without_room_, true) ? Wrote::still_no_room : Wrote::without_room;
  }
  HF_TRY_VOID(written);
  is_without_room_ = false;
  holes_found_before_ = holes_found;
  size_ = mark.size;
  tidy(origin, mark.size);
  return Wrote::whole;
}

void Snapshots::tidy(const Origin& origin, std::uint64_t newest) {
  auto names = disk_.list("snapshots");
  if (!names) return;
  // One of more than there is covers what the journal has lost: a start has told it (tell_lost_end), and it would
  // stand in the way of those that fit.
  const std::string written = path(origin, newest);
  std::erase_if(*names, [&](const std::string& name) {
    const std::string other = "snapshots/" + name;
    const bool is_of_more =
        other.size() == written.size() && other > written && name.starts_with(fmt::format("{}-", origin.epoch));
    if (is_of_more) (void)disk_.remove(other);
    return is_of_more;
  });
  // The two newest stay; an older one has no use.
  for (std::size_t i = 0; i + 2 < names->size(); ++i) (void)disk_.remove("snapshots/" + (*names)[i]);
}

}  // namespace holdfast::node
