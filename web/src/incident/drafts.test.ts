// What the forms keep, and what they let go.
import { describe, expect, it } from 'vitest';
import { ClosingDraft } from './drafts.svelte';

describe('the words of a closing', () => {
  it('go with their form, and into no other incident', () => {
    const draft = new ClosingDraft();
    draft.begin({ id: 'a', title: 'A' });
    draft.text = 'the till was found';
    draft.leave();
    expect([draft.into, draft.text]).toEqual([null, '']);
    draft.text = 'late';
    draft.begin({ id: 'b', title: 'B' });
    expect([draft.into, draft.text]).toEqual([{ id: 'b', title: 'B' }, '']);
  });
});
