/** So soon after a press, another one is of the same hand, and does not mean what has come under the finger since. */
export const second_press_ms = 600;
