// Descriptions to begin with: such as the model knows, and one that only examples make clear.

export interface Sample {
  text: string;
  examples: string[];
}

export const SAMPLES: Sample[] = [
  { text: "sort list `xs` by the second element of each tuple", examples: [] },
  { text: "plot a histogram of column age", examples: [] },
  { text: "check if key `name` is in dictionary `d`", examples: [] },
  { text: "the number of words in `s`", examples: ["s='red green blue'=3", "s=''=0"] },
];
