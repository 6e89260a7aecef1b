// An ordered map whose keys are also found by hash.
//
// Shape:  look-ups by key are what a fold does most, and in a tree of 30,000 products each costs some fifteen cache
//         misses. Iteration is in the order of keys alone: nothing that is written or shown depends on a hash.
//         Key needs <, == and boost::hash (hash_value()).
// Thread: a value of its owner.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <utility>

#include "core/base/check.h"

namespace holdfast {

template <class Key, class Value>
class IndexedMap {
  using Map = std::map<Key, Value>;

 public:
  using key_type = Key;
  using mapped_type = Value;
  using value_type = typename Map::value_type;
  using iterator = typename Map::iterator;
  using const_iterator = typename Map::const_iterator;

  IndexedMap() = default;
  IndexedMap(const IndexedMap& other) : map_(other.map_) { index_all(); }
  IndexedMap(IndexedMap&& other) noexcept { swap(other); }  // a map's nodes, and so what points to them, move along
  IndexedMap& operator=(IndexedMap other) noexcept {
    swap(other);
    return *this;
  }
  ~IndexedMap() = default;
  void swap(IndexedMap& other) noexcept {
    map_.swap(other.map_);
    at_.swap(other.at_);
  }

  iterator begin() { return map_.begin(); }
  iterator end() { return map_.end(); }
  const_iterator begin() const { return map_.begin(); }
  const_iterator end() const { return map_.end(); }
  auto rbegin() const { return map_.rbegin(); }
  std::size_t size() const { return map_.size(); }
  bool empty() const { return map_.empty(); }

  iterator find(const Key& key) {
    const auto at = at_.find(key);
    return at == at_.end() ? map_.end() : at->second;
  }
  const_iterator find(const Key& key) const {
    const auto at = at_.find(key);
    return at == at_.end() ? map_.end() : const_iterator(at->second);
  }
  bool contains(const Key& key) const { return at_.contains(key); }
  const Value& at(const Key& key) const {
    const auto found = at_.find(key);
    HF_CHECK(found != at_.end(), "a map of {} has no such key", size());
    return found->second->second;
  }
  const_iterator upper_bound(const Key& key) const { return map_.upper_bound(key); }

  template <class... Args>
  std::pair<iterator, bool> try_emplace(const Key& key, Args&&... args) {
    if (const auto known = at_.find(key); known != at_.end()) return {known->second, false};
    const auto made = map_.try_emplace(key, std::forward<Args>(args)...).first;
    at_.emplace(key, made);
    return {made, true};
  }
  template <class V>
  std::pair<iterator, bool> emplace(const Key& key, V&& value) {
    return try_emplace(key, std::forward<V>(value));
  }
  // For keys that come in order: `hint` is where the new one belongs.
  template <class V>
  iterator emplace_hint(const_iterator hint, const Key& key, V&& value) {
    if (const auto known = at_.find(key); known != at_.end()) return known->second;
    const auto made = map_.emplace_hint(hint, key, std::forward<V>(value));
    at_.emplace(key, made);
    return made;
  }
  Value& operator[](const Key& key) { return try_emplace(key).first->second; }
  iterator erase(iterator at) {
    at_.erase(at->first);
    return map_.erase(at);
  }

  bool operator==(const IndexedMap& other) const { return map_ == other.map_; }

 private:
  void index_all() {
    at_.reserve(map_.size());
    for (auto it = map_.begin(); it != map_.end(); ++it) at_.emplace(it->first, it);
  }

  Map map_;
  boost::unordered_flat_map<Key, iterator> at_;
};

}  // namespace holdfast
