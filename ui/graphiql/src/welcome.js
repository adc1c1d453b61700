// What a first visit shows.
export const welcome = `# The server's models, what they answer with and what happened last.
{
  models(first: 10) {
    nodes {
      name
      ready
      champion {
        version
        format
      }
      timeline(first: 3) {
        nodes {
          time
          summary
        }
      }
    }
  }
}
`;
