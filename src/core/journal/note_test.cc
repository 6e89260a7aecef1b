#include "core/journal/note.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sodium.h>

namespace holdfast::journal {
namespace {

struct KeyPair {
  PublicKey open{};
  ByteArray<64> secret{};
  explicit KeyPair(unsigned char seed_byte) {
    ByteArray<32> seed;
    seed.fill(std::byte{seed_byte});
    crypto_sign_ed25519_seed_keypair(reinterpret_cast<unsigned char*>(open.data()),
                                     reinterpret_cast<unsigned char*>(secret.data()),
                                     reinterpret_cast<const unsigned char*>(seed.data()));
  }
  SignFunction signer() const {
    return [this](ByteView message) {
      Signature s;
      crypto_sign_ed25519_detached(reinterpret_cast<unsigned char*>(s.data()), nullptr,
                                   reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                                   reinterpret_cast<const unsigned char*>(secret.data()));
      return s;
    };
  }
};

PublicKey key_from_base64(std::string_view text) { return *array_from<32>(ByteView(*from_base64(text)).subspan(1)); }

Checkpoint some_checkpoint(std::uint64_t size = 1234) {
  return {Origin{"holdfast.example/acme", SiteName("store-07"), 2}, size, sha256(as_bytes("root"))};
}

// The worked example of C2SP signed-note.
constexpr std::string_view spec_key = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr std::string_view spec_note =
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

TEST(Note, example_of_the_specification_verifies) {
  const PublicKey key = key_from_base64(spec_key);
  EXPECT_EQ(note_key_id("example.com/foo", 1, key), 0x530d903au);
  EXPECT_EQ(vkey("example.com/foo", NoteKeyType::ed25519, key), "example.com/foo+530d903a+" + std::string(spec_key));
  const auto note = parse_note(spec_note);
  ASSERT_TRUE(note);
  EXPECT_EQ(note->text, "This is an example message.\n");
  EXPECT_TRUE(*has_signature(*note, "example.com/foo", key));
  EXPECT_FALSE(*has_signature(*note, "example.com/bar", key));
  EXPECT_EQ(to_text(*note), spec_note);
}

TEST(Note, text_may_hold_empty_lines_and_the_last_one_divides) {
  const auto note = parse_note("a\n\nb\n\n— k AAAAAAA=\n");
  ASSERT_TRUE(note) << note.error().text;
  EXPECT_EQ(note->text, "a\n\nb\n");
  EXPECT_EQ(note->signatures.at(0).name, "k");
}

TEST(Note, what_is_not_a_signed_note_is_refused) {
  const std::string good = "text\n\n— k AAAAAAA=\n";
  ASSERT_TRUE(parse_note(good));
  const std::string bad[] = {
      "",
      "text\n",
      "text\n\n",                      // no signature
      "text\n— k AAAAAAA=\n",          // no blank line
      "text\n\n— k AAAAAAA=",          // last line does not end
      "text\n\n- k AAAAAAA=\n",        // hyphen for em dash
      "text\n\n—k AAAAAAA=\n",         // no space
      "text\n\n—  AAAAAAA=\n",         // empty name
      "text\n\n— k+ AAAAAAA=\n",       // plus in the name
      "text\n\n— k\u00a0 AAAAAAA=\n",  // Unicode space in the name
      "text\n\n— k AAAAAAA\n",         // base64 without padding
      "text\n\n— k AAAAAAB=\n",        // base64 with bits that padding cuts off
      "text\n\n— k AAAAAA==\n",        // a key id and nothing more
      "text\n\n— k AAAAAAA= \n",       // blank after it
      "text\n\n— k AAAAAAA=\n— k\n",   // second line spoilt
      "te\txt\n\n— k AAAAAAA=\n",      // control character
      "te\rxt\n\n— k AAAAAAA=\n",
      std::string("te\0xt\n\n— k AAAAAAA=\n", 22),
      "te\xffxt\n\n— k AAAAAAA=\n",              // not UTF-8
      "te\xc0\xafxt\n\n— k AAAAAAA=\n",          // overlong
      "te\xed\xa0\x80xt\n\n— k AAAAAAA=\n",      // surrogate
      "te\xf4\x90\x80\x80xt\n\n— k AAAAAAA=\n",  // beyond U+10FFFF
      "te\xe2\x80",                              // cut inside a character
  };
  for (const std::string& text : bad) EXPECT_EQ(parse_note(text).error().code, "journal/bad_note") << text;
}

TEST(Note, thirty_two_signatures_are_read_and_thirty_three_refused) {
  std::string text = "text\n\n";
  for (int i = 0; i < 32; ++i) text += "— k AAAAAAA=\n";
  ASSERT_TRUE(parse_note(text));
  EXPECT_EQ(parse_note(text)->signatures.size(), 32u);
  EXPECT_FALSE(parse_note(text + "— k AAAAAAA=\n"));
}

TEST(Note, more_than_64_kib_are_refused) {
  const std::string tail = "\n\n— k AAAAAAA=\n";
  EXPECT_TRUE(parse_note(std::string(note_bytes_max - tail.size(), 'x') + tail));
  EXPECT_FALSE(parse_note(std::string(note_bytes_max - tail.size() + 1, 'x') + tail));
}

TEST(Note, wrong_signature_of_a_known_key_is_an_error_and_of_an_unknown_key_ignored) {
  const KeyPair key(1), other(2);
  Note note{"text\n", {}};
  sign_note(note, "k", key.open, key.signer());
  sign_note(note, "k", other.open, other.signer());
  EXPECT_TRUE(*has_signature(note, "k", key.open));
  note.signatures[0].signature[5] ^= std::byte{1};
  EXPECT_EQ(has_signature(note, "k", key.open).error().code, "journal/bad_signature");
  EXPECT_TRUE(*has_signature(note, "k", other.open));
  EXPECT_FALSE(*has_signature(note, "k", KeyPair(3).open));
  note.signatures[0].signature.pop_back();
  EXPECT_FALSE(has_signature(note, "k", key.open));
}

RC_GTEST_PROP(Note, written_note_is_read_back, ()) {
  Note note;
  note.text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab \n—")));
  std::erase_if(note.text, [](char c) { return (c & 0x80) != 0; });
  note.text += '\n';
  const KeyPair key(7);
  const int count = *rc::gen::inRange(1, 5);
  for (int i = 0; i < count; ++i) sign_note(note, "name" + std::to_string(i), key.open, key.signer());
  const auto back = parse_note(to_text(note));
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->text == note.text);
  RC_ASSERT(to_text(*back) == to_text(note));
  RC_ASSERT(*has_signature(*back, "name0", key.open));
}

TEST(Checkpoint, example_of_the_specification_is_a_note_of_an_origin_of_another_form) {
  // Our origins are <chain>/<site>/<epoch>; a foreign log's checkpoint is refused as a checkpoint of ours, by line.
  const auto got =
      parse_checkpoint("example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().text.find("line 1"), std::string::npos);
}

TEST(Checkpoint, signed_written_and_opened_again) {
  const KeyPair key(1);
  const auto made = sign_checkpoint(some_checkpoint(), key.open, key.signer());
  const auto opened = open_checkpoint(to_text(made.note), key.open);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(opened->checkpoint, some_checkpoint());
  EXPECT_EQ(open_checkpoint(to_text(made.note), KeyPair(2).open).error().code, "journal/bad_signature");
}

TEST(Checkpoint, one_changed_character_anywhere_is_refused) {
  const KeyPair key(1);
  const std::string text = to_text(sign_checkpoint(some_checkpoint(), key.open, key.signer()).note);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string forged = text;
    forged[i] = forged[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(open_checkpoint(forged, key.open)) << i;
  }
}

TEST(Checkpoint, only_the_canonical_three_lines_are_taken) {
  const std::string good = checkpoint_text(some_checkpoint(7));
  ASSERT_TRUE(parse_checkpoint(good));
  const std::string root = to_base64(some_checkpoint().root);
  const std::string bad[] = {
      "",
      good + "extension\n",
      good.substr(0, good.size() - 1),
      "holdfast.example/acme/store-07/2\n07\n" + root + "\n",
      "holdfast.example/acme/store-07/2\n+7\n" + root + "\n",
      "holdfast.example/acme/store-07/2\n-7\n" + root + "\n",
      "holdfast.example/acme/store-07/2\n\n" + root + "\n",
      "holdfast.example/acme/store-07/2\n18446744073709551616\n" + root + "\n",
      "holdfast.example/acme/store-07/02\n7\n" + root + "\n",
      "holdfast.example/acme/store-07\n7\n" + root + "\n",
      "holdfast.example/acme corp/store-07/2\n7\n" + root + "\n",
      "holdfast.example/acme/store-07/2\n7\n" + root.substr(4) + "\n",
      "holdfast.example/acme/store-07/2\n7\n" + root + "AAAA\n",
  };
  for (const std::string& text : bad) EXPECT_EQ(parse_checkpoint(text).error().code, "journal/bad_note") << text;
}

TEST(Cosignature, made_and_verified_with_its_time) {
  const KeyPair key(1);
  const std::string name = cosigner_name("holdfast.example/acme", SiteName("warehouse"));
  EXPECT_EQ(name, "holdfast.example/acme/warehouse");
  const Instant now{1'679'315'147'999'999'999};
  const auto signature = cosign(some_checkpoint(), name, key.open, now, key.signer());
  const auto at = verify_cosignature(some_checkpoint(), signature, name, key.open);
  ASSERT_TRUE(at && *at);
  EXPECT_EQ((*at)->unix_ns, 1'679'315'147'000'000'000);  // whole seconds travel
}

TEST(Cosignature, of_another_key_is_none_and_a_wrong_one_is_an_error) {
  const KeyPair key(1);
  const auto good = cosign(some_checkpoint(), "m", key.open, Instant{1}, key.signer());
  EXPECT_FALSE(verify_cosignature(some_checkpoint(), good, "n", key.open)->has_value());
  EXPECT_FALSE(verify_cosignature(some_checkpoint(), good, "m", KeyPair(2).open)->has_value());
  EXPECT_EQ(verify_cosignature(some_checkpoint(99), good, "m", key.open).error().code, "journal/bad_signature");
  for (std::size_t i = 0; i < good.signature.size(); ++i) {
    auto forged = good;
    forged.signature[i] ^= std::byte{1};
    EXPECT_FALSE(verify_cosignature(some_checkpoint(), forged, "m", key.open)) << i;
  }
  auto cut = good;
  cut.signature.pop_back();
  EXPECT_FALSE(verify_cosignature(some_checkpoint(), cut, "m", key.open));
}

TEST(Cosignature, a_log_signature_is_no_cosignature) {
  const KeyPair key(1);
  const auto made = sign_checkpoint(some_checkpoint(), key.open, key.signer());
  const auto got =
      verify_cosignature(some_checkpoint(), made.note.signatures[0], some_checkpoint().origin.text(), key.open);
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->has_value());  // another type, so another key id
}

}  // namespace
}  // namespace holdfast::journal
