// What a kept copy takes, and that nothing of what it refuses stays in it.
#include "core/sync/replica.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "core/chain/test_chain.h"
#include "core/journal/format.h"
#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::sync {
namespace {

const std::vector<SiteName> mirrors = {SiteName("mirror-1"), SiteName("mirror-2"), SiteName("mirror-3")};

// The owner and its mirrors, of which two are a quorum.
chain::ChainFile mirrored() {
  chain::ChainFile file;
  file.chain = journal::test_origin().chain;
  file.quorum = 2;
  const auto add = [&](const SiteName& name, const std::vector<SiteName>& mirrored_by) {
    file.sites.push_back({name, chain::SiteKind::store, "", chain::testing::site_keys(name.view()), mirrored_by,
                          std::vector<SiteName>()});
  };
  add(journal::test_origin().site, mirrors);
  for (const SiteName& mirror : mirrors) add(mirror, {});
  return file;
}

class ReplicaTest : public testing::Test {
 protected:
  // The owner's next entries, under its checkpoint.
  Entries next(std::size_t count) {
    Entries out{journal::test_origin(), owner_.size(), {}, {}};
    for (std::size_t i = 0; i < count; ++i) {
      out.entries.push_back(to_bytes(as_bytes("entry " + std::to_string(owner_.size()))));
      owner_.append(leaf_hash(out.entries.back()));
    }
    out.note = journal::signed_note(out.origin, owner_.size(), owner_.root());
    return out;
  }
  // One empty entry: as little as a piece can be.
  Entries next_empty() {
    Entries out{journal::test_origin(), owner_.size(), {Bytes()}, {}};
    owner_.append(leaf_hash(Bytes()));
    out.note = journal::signed_note(out.origin, owner_.size(), owner_.root());
    return out;
  }
  // Below this checkpoint, the lines of the first two mirrors.
  journal::SignedCheckpoint cosigned(const std::string& note) {
    auto out = *journal::open_checkpoint(note, journal::TestKey().open);
    for (const SiteName& mirror : {mirrors[0], mirrors[1]}) {
      const auto key = chain::testing::site_key(mirror.view(), "cosign");
      out.note.signatures.push_back(
          journal::cosign(out.checkpoint, journal::cosigner_name(file_.chain, mirror), key.pub, now_, key.signer()));
    }
    return out;
  }
  // Of the checkpoint that the copy has stored at this size or before it.
  journal::Note stored(std::uint64_t size) { return *journal::parse_note(copy_.log().checkpoint_at_most(size)); }

  Status take(const Entries& entries, const chain::Bounds* bounds = nullptr) {
    return copy_.take(entries, journal::TestKey().open, bounds, now_);
  }
  std::string refusal(const Entries& entries, const chain::Bounds* bounds = nullptr) {
    const Status taken = take(entries, bounds);
    return taken ? "" : std::string(taken.error().code);
  }

  Instant now_;
  const chain::ChainFile file_ = mirrored();
  const KeyRing keys_{file_};
  journal::MemoryDisk disk_;
  SerialExecutor executor_;
  journal::Tree owner_;
  Replica copy_{std::move(*journal::Log::open(disk_, executor_, journal::test_origin()))};
};

TEST_F(ReplicaTest, a_day_is_bounded_but_for_what_is_needed) {
  chain::Bounds bounds;
  bounds.mirror_entries_a_day = 10;
  ASSERT_TRUE(take(next(8), &bounds));
  const Entries more = next(8);
  EXPECT_EQ(refusal(more, &bounds), "sync/over_bound");
  EXPECT_EQ(copy_.size(), 8u);
  EXPECT_EQ(copy_.log().uncommitted_bytes(), 0u);
  ASSERT_TRUE(take(more));
  EXPECT_EQ(copy_.size(), 16u);
  EXPECT_EQ(copy_.log().root(), owner_.root());
}

TEST_F(ReplicaTest, what_a_day_did_not_allow_is_asked_for_once_on_the_next) {
  chain::Bounds bounds;
  bounds.mirror_entries_a_day = 10;
  ASSERT_TRUE(take(next(8), &bounds));
  EXPECT_FALSE(copy_.takes_again(now_));
  const Entries more = next(8);
  EXPECT_EQ(refusal(more, &bounds), "sync/over_bound");
  now_ = now_ + seconds(86'399);
  EXPECT_FALSE(copy_.takes_again(now_));
  now_ = now_ + seconds(1);
  EXPECT_TRUE(copy_.takes_again(now_));
  EXPECT_FALSE(copy_.takes_again(now_));
  EXPECT_TRUE(take(more, &bounds));
}

// 4.4: each takes two blocks of the disk, whatever it says it weighs. Ten a second are what an owner may sign all day.
TEST_F(ReplicaTest, pieces_that_come_faster_than_an_owner_signs_count_with_their_blocks) {
  chain::Bounds bounds;
  bounds.mirror_bytes_a_day = 20 * 2 * journal::block_bytes;
  std::int64_t taken = 0;
  Entries piece = next_empty();
  for (; taken < 1000 && take(piece, &bounds); ++taken) piece = next_empty();
  EXPECT_EQ(taken, owners_pace.burst + 20);
  EXPECT_EQ(refusal(piece, &bounds), "sync/over_bound");
  for (int i = 0; i < 100; ++i) {
    now_ = now_ + milliseconds(100);
    ASSERT_EQ(refusal(piece, &bounds), "") << i;
    piece = next_empty();
  }
}

// 4.4: whoever sends a note may put 31 lines and 64 KiB below it.
TEST_F(ReplicaTest, of_a_note_only_what_can_count_is_stored) {
  const auto with_junk = [](journal::Note note, std::size_t lines) {
    while (note.signatures.size() < lines)
      note.signatures.push_back({"example.com/" + std::to_string(note.signatures.size()), 7, Bytes(1'000)});
    return note;
  };
  Entries piece = next(1);
  piece.note = journal::to_text(with_junk(*journal::parse_note(piece.note), 32));
  ASSERT_GT(piece.note.size(), 8 * journal::block_bytes);
  ASSERT_TRUE(take(piece));
  EXPECT_EQ(stored(1).signatures.size(), 1u);

  // Of mirrors' names one line each: a piece may bring what is cosigned.
  piece = next(1);
  journal::Note note = cosigned(piece.note).note;
  for (int i = 0; i < 20; ++i) note.signatures.push_back(note.signatures[1 + i % 2]);
  piece.note = journal::to_text(note);
  ASSERT_TRUE(take(piece));
  EXPECT_EQ(stored(2).signatures.size(), 3u);
  copy_.reload(keys_);
  EXPECT_EQ(copy_.cosigned_size(), 2u);

  // And of what is told as cosigned the lines that hold, whatever stands before them.
  piece = next(1);
  ASSERT_TRUE(take(piece));
  journal::SignedCheckpoint told = cosigned(piece.note);
  journal::NoteSignature false_one = told.note.signatures[1];
  false_one.signature.back() ^= std::byte{1};
  told.note.signatures.insert(told.note.signatures.begin() + 1, false_one);
  told.note = with_junk(std::move(told.note), 32);
  ASSERT_TRUE(copy_.take_cosigned(told, keys_, now_));
  EXPECT_EQ(stored(3).signatures.size(), 3u);
  copy_.reload(keys_);
  EXPECT_EQ(copy_.cosigned_size(), 3u);
}

TEST_F(ReplicaTest, what_is_told_as_cosigned_faster_than_an_owner_signs_is_known_and_not_stored) {
  ASSERT_TRUE(take(next(800)));
  for (std::uint64_t size = 1; size <= 700; ++size) {
    const Hash root = *copy_.log().root_at(size);
    ASSERT_TRUE(copy_.take_cosigned(cosigned(journal::signed_note(journal::test_origin(), size, root)), keys_, now_));
  }
  EXPECT_EQ(copy_.cosigned_size(), 700u);
  EXPECT_EQ(journal::parse_checkpoint(stored(750).text)->size, 600u);
}

// As they may lie on a disk: lines by mirrors' keys that do not hold, each of which must be verified to know that.
TEST_F(ReplicaTest, a_start_reads_back_a_bounded_number_of_lines) {
  const Entries first = next(1);
  ASSERT_TRUE(take(first));
  ASSERT_TRUE(copy_.take_cosigned(cosigned(first.note), keys_, now_));
  const auto store = [&](int notes) {
    for (; notes > 0; --notes) {
      const Entries piece = next(1);
      journal::Note note = *journal::parse_note(piece.note);
      for (std::size_t i = 0; i < 31; ++i) {
        const SiteName& mirror = mirrors[i % mirrors.size()];
        const std::string name = journal::cosigner_name(file_.chain, mirror);
        const PublicKey key = chain::testing::site_keys(mirror.view()).cosign;
        note.signatures.push_back({name, journal::note_key_id(name, 4, key), Bytes(72)});
      }
      copy_.log().append(piece.entries[0]);
      ASSERT_TRUE(copy_.log().commit());
      ASSERT_TRUE(copy_.log().put_checkpoint(owner_.size(), journal::to_text(note)));
    }
  };
  store(static_cast<int>(lines_read_back_max / 31 / 2));
  copy_.reload(keys_);
  EXPECT_EQ(copy_.cosigned_size(), 1u);
  store(static_cast<int>(lines_read_back_max / 31));
  copy_.reload(keys_);
  EXPECT_EQ(copy_.cosigned_size(), 0u) << "it has looked at more than " << lines_read_back_max << " lines";
}

TEST_F(ReplicaTest, nothing_stays_of_entries_that_do_not_give_the_signed_root) {
  ASSERT_TRUE(take(next(300)));
  const Hash before = copy_.log().root();
  const Entries true_ones = next(300);
  Entries forged = true_ones;
  forged.entries[299].back() ^= std::byte{1};
  EXPECT_EQ(refusal(forged), "sync/contradiction");
  EXPECT_EQ(copy_.log().size(), 300u);
  EXPECT_EQ(copy_.log().root(), before);
  ASSERT_TRUE(take(true_ones));
  EXPECT_EQ(copy_.log().root(), owner_.root());
}

// The power failed between the entries and their checkpoint; then the same piece comes once more, or a longer one.
TEST_F(ReplicaTest, a_piece_that_comes_again_brings_the_checkpoint_of_what_is_here) {
  const auto store_unsigned = [this](const std::vector<Bytes>& entries) {
    for (const Bytes& e : entries) copy_.log().append(e);
    ASSERT_TRUE(copy_.log().commit());
  };
  ASSERT_TRUE(take(next(5)));
  const Entries piece = next(3);
  store_unsigned(piece.entries);
  ASSERT_EQ(copy_.signed_size(), 5u);
  ASSERT_TRUE(take(piece));
  EXPECT_EQ(copy_.signed_size(), 8u);

  Entries longer = next(2);
  store_unsigned(longer.entries);
  Entries more = next(4);
  std::ranges::move(more.entries, std::back_inserter(longer.entries));
  longer.note = more.note;
  Entries forged = longer;
  forged.entries.back().back() ^= std::byte{1};
  EXPECT_EQ(refusal(forged), "sync/contradiction");
  EXPECT_EQ(copy_.size(), 10u);
  EXPECT_EQ(copy_.signed_size(), 8u);
  ASSERT_TRUE(take(longer));
  EXPECT_EQ(copy_.signed_size(), 14u);
  EXPECT_EQ(copy_.log().root(), owner_.root());

  store_unsigned({to_bytes(as_bytes("another history"))});
  EXPECT_EQ(refusal(next(1)), "sync/contradiction");
  EXPECT_EQ(copy_.signed_size(), 14u);
}

TEST_F(ReplicaTest, a_piece_ends_at_a_checkpoint_and_reaches_to_the_next_if_there_is_none_within_2_MiB) {
  const std::string large(60'000, 'x');
  journal::Log& log = copy_.log();
  const auto commit = [&](int count) {
    for (int i = 0; i < count; ++i) log.append(as_bytes(large));
    ASSERT_TRUE(log.commit());
    ASSERT_TRUE(log.put_checkpoint(log.size(), journal::signed_note(log, log.size())));
  };
  commit(20);
  commit(30);  // 2 MiB end among these
  commit(50);  // and here is no checkpoint within them
  const auto sizes = [&](EntryIndex first) {
    const auto piece = next_chunk(log, first, 0);
    return piece && *piece ? (*piece)->entries.size() : 0;
  };
  EXPECT_EQ(sizes(0), 20u);
  EXPECT_EQ(sizes(20), 30u);
  EXPECT_EQ(sizes(50), 50u);
  EXPECT_EQ(sizes(100), 0u);
}

// Or it could not be given on: a message may be larger than what fits beside a note of any size.
TEST_F(ReplicaTest, a_piece_that_no_piece_can_hold_is_not_taken) {
  const Bytes large = to_bytes(as_bytes(std::string(65'535, 'x')));
  Entries all{journal::test_origin(), 0, std::vector<Bytes>(126, large), {}};
  for (const Bytes& e : all.entries) owner_.append(leaf_hash(e));
  all.note = journal::signed_note(all.origin, owner_.size(), owner_.root());
  ASSERT_LT(encode(all).size(), message_bytes_max);
  EXPECT_EQ(refusal(all), "sync/bad_entries");
  EXPECT_EQ(copy_.log().size(), 0u);
}

TEST_F(ReplicaTest, a_piece_is_never_more_than_a_message) {
  journal::Log& log = copy_.log();
  const auto commit = [&](std::size_t count, std::size_t bytes) {
    const std::string entry(bytes, 'x');
    for (std::size_t i = 0; i < count; ++i) log.append(as_bytes(entry));
    ASSERT_TRUE(log.commit());
    ASSERT_TRUE(log.put_checkpoint(log.size(), journal::signed_note(log, log.size())));
  };
  commit(120, 65'535);
  commit(message_items_max, 1);
  commit(140, 65'535);
  commit(message_items_max + 1, 1);
  for (const EntryIndex first : {EntryIndex{0}, EntryIndex{120}}) {
    const auto piece = next_chunk(log, first, 0);
    ASSERT_TRUE(piece.has_value() && piece->has_value());
    const Bytes message = encode(**piece);
    EXPECT_LE(message.size(), message_bytes_max);
    EXPECT_TRUE(decode(message).has_value());
  }
  for (const std::size_t before : {120 + message_items_max, 120 + message_items_max + 140}) {
    const auto piece = next_chunk(log, before, 0);
    ASSERT_FALSE(piece.has_value());
    EXPECT_EQ(piece.error().code, "sync/no_checkpoint");
  }
}

}  // namespace
}  // namespace holdfast::sync
