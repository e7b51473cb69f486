"""What is known of a Hugging Face encoder before it is loaded: its folder, its sizes, its longest input, its tokenizer.

The ground that hardware, corpus, pieces and model stand on: neither torch nor transformers is imported here.
"""
